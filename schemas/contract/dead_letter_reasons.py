"""Why a record is a dead letter: each reason with its meaning; a record has the first that fits.

docs/contracts.md has the same words (Wire format), docs/asyncapi.json the same names: tests compare them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

DeadLetterReason: TypeAlias = Literal[
    "UNDECODABLE", "KEY_MISMATCH", "EMPTY_ID", "TOO_LONG", "WRONG_PARTITION", "FAILED"
]

DEAD_LETTER_REASONS: Final[Mapping[DeadLetterReason, str]] = MappingProxyType(
    {
        "UNDECODABLE": "the value does not decode; or the schema that its id stands for is none that it can be read "
        "by: another record, broken, recursive, or of more than 4,000 types or 1,000,000 characters; or the key of a "
        "`state` record is not UTF-8, or has more than 128 bytes",
        "KEY_MISMATCH": "its `site_id` differs from the record's key",
        "EMPTY_ID": "one of the value's own `…_id` fields that may not be null is empty; or a `CLOSE` has no "
        "`incident_id`",
        "TOO_LONG": "an id (a field `…_id`, or a partner) has more than 128 bytes of UTF-8, or any other string more "
        "than 8 KiB",
        "WRONG_PARTITION": "live only: a `sites` record lies on another partition than its key's; or a record does "
        "that would else end as `UNKNOWN_SITE` or `NO_OPEN_INCIDENT`",
        "FAILED": "the core raised an error on it; or, live only, it would make a record larger than its topic takes",
    }
)
