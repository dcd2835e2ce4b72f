"""The first stage: records of Kafka to values of the core, or to the reason why they are dead letters.

What a site record must be to count is said here once, for records that pass as inputs and for those that a
restore reads (contracts.md, Wire format).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from schemas.avro.errors import Undecodable
from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import INPUT_TOPICS, OUTPUT_VALUE_BYTES
from streams.escalation.readiness import readiness
from streams.escalation.values import Event, Site
from streams.formats.message import Message
from streams.formats.validation import Refused, admit, admit_tombstone, key_text

if TYPE_CHECKING:
    from streams.formats.codec import Codec, Decode
    from streams.settings import Settings


# The readiness of a site record up to this size fits into its topic: a contact takes eight bytes at least, and what
# it lacks is told in four warnings of 24 bytes at most.
_SURELY_FITS: Final = 80_000


class SiteInput(NamedTuple):
    """A site record, or its tombstone (``site`` None)."""

    message: Message
    site_id: str
    site: Site | None


class EventInput(NamedTuple):
    """An alert, result, report or action; ``topic`` without prefix."""

    message: Message
    topic: str
    event: Event


class RefusedInput(NamedTuple):
    """A record that the core must not see; ``topic`` without prefix."""

    message: Message
    topic: str
    refused: Refused


@dataclass(slots=True)
class Inbox:
    """What a chunk holds of one partition, each list in the order the records came.

    ``taken`` counts the records of each topic (without prefix), ``next_offsets`` has the offset after the last.
    """

    sites: list[SiteInput] = field(default_factory=list)
    events: list[EventInput] = field(default_factory=list)
    refused: list[RefusedInput] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    next_offsets: dict[str, int] = field(default_factory=dict)


class Decoder:
    """Decodes and judges records; `Undecodable` ends here, RegistryUnreachable is the caller's to wait out."""

    def __init__(self, codec: Codec, settings: Settings) -> None:
        self._partitions = settings.topics.partitions
        self._decode_site = codec.decode_site
        self._encode_readiness = codec.encoders["readiness"]
        self._decode_event: dict[str, tuple[str, Decode]] = {
            settings.topic(topic): (topic, codec.decoders[topic]) for topic in INPUT_TOPICS if topic != "sites"
        }

    def chunk(self, messages: Iterable[Message]) -> dict[int, Inbox]:
        """The records of a chunk by partition. Raises RegistryUnreachable: decode the same chunk again later."""
        inboxes: dict[int, Inbox] = {}
        events = self._decode_event
        for message in messages:
            number = message.partition()
            inbox = inboxes.get(number)
            if inbox is None:
                inbox = inboxes[number] = Inbox()
            topic, decode = events.get(message.topic()) or ("sites", None)
            inbox.next_offsets[topic] = message.offset() + 1
            inbox.taken[topic] = inbox.taken.get(topic, 0) + 1
            key = message.key()
            if decode is None:
                site = self.site(key, message.value(), number)
                if isinstance(site, Refused):
                    inbox.refused.append(RefusedInput(message, topic, site))
                else:
                    inbox.sites.append(SiteInput(message, cast("str", key_text(key)), site))
                continue
            event = _event(topic, decode, key, message.value())
            if isinstance(event, Refused):
                inbox.refused.append(RefusedInput(message, topic, event))
            else:
                inbox.events.append(EventInput(message, topic, event))
        return inboxes

    def site(self, key: bytes | None, value: bytes | None, number: int) -> Site | Refused | None:
        """A record of ``sites`` in a partition: its value, None for a tombstone, or why it does not count."""
        if value is None:
            refused = admit_tombstone("sites", key)
            site = None
        else:
            try:
                site = self._decode_site(value)
            except Undecodable as error:
                return Refused("UNDECODABLE", str(error))
            refused = admit(site, key_text(key))
        if refused is None and self.is_misplaced(key, number):
            refused = Refused("WRONG_PARTITION", self.misplacement(key))
        if refused is None and site is not None and value is not None and len(value) > _SURELY_FITS:
            refused = self._overlong(site)
        return refused or site

    def _overlong(self, site: Site) -> Refused | None:
        """Whether there is more wrong with a site than its readiness record may have room for."""
        size = len(self._encode_readiness(readiness(site, 0)))
        if size <= OUTPUT_VALUE_BYTES:
            return None
        return Refused("FAILED", f"its readiness would take {size:,} bytes, and may have {OUTPUT_VALUE_BYTES:,}")

    def is_misplaced(self, key: bytes | None, number: int) -> bool:
        """Whether a key belongs to another partition than the one its record lies in."""
        return key is not None and partition_of(key, self._partitions) != number

    def misplacement(self, key: bytes | None) -> str:
        """What is wrong with a misplaced record."""
        home = partition_of(key or b"", self._partitions)
        return f"the key's partition is {home} by Kafka's murmur2: its producer partitions otherwise"


def _event(topic: str, decode: Decode, key: bytes | None, value: bytes | None) -> Event | Refused:
    if value is None:
        return cast("Refused", admit_tombstone(topic, key))
    try:
        event = decode(value)
    except Undecodable as error:
        return Refused("UNDECODABLE", str(error))
    return admit(event, key_text(key)) or cast("Event", event)
