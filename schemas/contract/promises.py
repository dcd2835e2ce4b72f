"""How compatible each schema stays with every version released (contracts.md, its first table)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from schemas.contract.topics import TOPICS

Promise: TypeAlias = Literal["BACKWARD_TRANSITIVE", "FULL_TRANSITIVE"]

# An input that its own readers, other partners, may read by an older schema too.
_INPUTS_READ_BY_OTHERS: Final = frozenset({"dispatch-reports"})

# By schema. BACKWARD: what was written by an older version can be read; FULL: and the other way round.
PROMISES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        topic.schema: (
            "BACKWARD_TRANSITIVE"
            if topic.way == "in" and topic.name not in _INPUTS_READ_BY_OTHERS
            else "FULL_TRANSITIVE"
        )
        for topic in TOPICS.values()
        if topic.schema is not None
    }
)
