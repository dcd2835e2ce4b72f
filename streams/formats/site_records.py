"""What a site record must be to count (contracts.md, Wire format).

One judge for the records that pass as inputs and for those that a restore reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.avro.errors import NoRegistry, SchemaNotFound, SchemaRefused, Undecodable
from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import OUTPUT_VALUE_BYTES
from streams.escalation.readiness import readiness
from streams.escalation.values import Site
from streams.formats.validation import DeadLetterCause, admit, admit_tombstone, key_text

if TYPE_CHECKING:
    from streams.formats.codec import Codec
    from streams.settings import Settings

# The readiness of a site record up to this size fits into its topic: a contact takes eight bytes at least, and what
# it lacks appears in four warnings of 24 bytes at most.
_SURELY_FITS: Final = 80_000


class SiteRecords:
    """Decodes and judges the records of ``sites``; RegistryUnreachable is the caller's to wait out."""

    def __init__(self, codec: Codec, settings: Settings) -> None:
        self._partitions = settings.topics.partitions
        self._decode_site = codec.decode_site
        self._encode_readiness = codec.encoders["readiness"]

    def judge(self, key: bytes | None, value: bytes | None, number: int) -> Site | DeadLetterCause | None:
        """A record of ``sites`` in a partition: its value, None for a tombstone, or why it does not count."""
        if value is None:
            cause = admit_tombstone("sites", key)
            site = None
        else:
            try:
                site = self._decode_site(value)
            except Undecodable as error:
                return DeadLetterCause("UNDECODABLE", str(error))
            cause = admit(site, key_text(key))
        if cause is None and self.is_misplaced(key, number):
            cause = DeadLetterCause("WRONG_PARTITION", self.misplacement(key))
        if cause is None and site is not None and value is not None and len(value) > _SURELY_FITS:
            cause = self._overlong(site)
        return cause or site

    def unreadable(self, key: bytes | None, value: bytes, number: int) -> str | None:
        """Why the schema registry keeps a record in a partition from being read; None: it does not, or not it alone.

        With the registry of its day, the record may have counted.
        """
        if admit_tombstone("sites", key) is not None or self.is_misplaced(key, number):
            return None  # nor would it count with any other registry
        try:
            self._decode_site(value)
        except (NoRegistry, SchemaNotFound, SchemaRefused) as error:
            return str(error)
        except Undecodable:
            pass
        return None

    def _overlong(self, site: Site) -> DeadLetterCause | None:
        """Whether there is more wrong with a site than its readiness record may have room for."""
        size = len(self._encode_readiness(readiness(site, 0)))
        if size <= OUTPUT_VALUE_BYTES:
            return None
        return DeadLetterCause(
            "FAILED", f"its readiness would take {size:,} bytes, and may have {OUTPUT_VALUE_BYTES:,}"
        )

    def is_misplaced(self, key: bytes | None, number: int) -> bool:
        """Whether a key belongs to another partition than the one its record lies in."""
        return key is not None and partition_of(key, self._partitions) != number

    def misplacement(self, key: bytes | None) -> str:
        """What is wrong with a misplaced record."""
        home = partition_of(key or b"", self._partitions)
        return f"the key's partition is {home} by Kafka's murmur2: its producer partitions otherwise"
