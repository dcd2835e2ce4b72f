"""The first stage: records of Kafka to values of the core, or to the reason why they are dead letters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from schemas.avro.errors import Undecodable
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.values import Event, Site
from streams.formats.message import Message
from streams.formats.site_records import SiteRecords
from streams.formats.validation import DeadLetterCause, admit, admit_tombstone, key_text

if TYPE_CHECKING:
    from streams.formats.codec import Codec, Decode
    from streams.settings import Settings


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


class DeadLetterInput(NamedTuple):
    """A record that the core must not see; ``topic`` without prefix."""

    message: Message
    topic: str
    cause: DeadLetterCause


@dataclass(slots=True)
class Inbox:
    """What a chunk holds of one partition, each list in the order the records came.

    Of each topic (without prefix) ``taken`` counts the records, ``first_offsets`` has the offset of the first, and
    ``next_offsets`` the one after the last.
    """

    sites: list[SiteInput] = field(default_factory=list)
    events: list[EventInput] = field(default_factory=list)
    dead_letters: list[DeadLetterInput] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    first_offsets: dict[str, int] = field(default_factory=dict)
    next_offsets: dict[str, int] = field(default_factory=dict)


class Decoder:
    """Decodes and judges records; `Undecodable` ends here, RegistryUnreachable is the caller's to wait out."""

    def __init__(self, codec: Codec, settings: Settings) -> None:
        self.site_records = SiteRecords(codec, settings)
        self._decode_event: dict[str, tuple[str, Decode]] = {
            settings.topic(topic): (topic, codec.decoders[topic]) for topic in INPUT_TOPICS if topic != "sites"
        }

    def chunk(self, messages: Iterable[Message]) -> dict[int, Inbox]:
        """The records of a chunk by partition. Raises RegistryUnreachable: decode the same chunk again later."""
        inboxes: dict[int, Inbox] = {}
        events, judge = self._decode_event, self.site_records.judge
        for message in messages:
            number = message.partition()
            inbox = inboxes.get(number)
            if inbox is None:
                inbox = inboxes[number] = Inbox()
            topic, decode = events.get(message.topic()) or ("sites", None)
            offset = message.offset()
            assert offset >= inbox.next_offsets.get(topic, 0), "a partition's records come in order, and once"
            inbox.next_offsets[topic] = offset + 1
            taken = inbox.taken.get(topic, 0)
            if not taken:
                inbox.first_offsets[topic] = offset
            inbox.taken[topic] = taken + 1
            key = message.key()
            if decode is None:
                site = judge(key, message.value(), number)
                if isinstance(site, DeadLetterCause):
                    inbox.dead_letters.append(DeadLetterInput(message, topic, site))
                else:
                    inbox.sites.append(SiteInput(message, cast("str", key_text(key)), site))
                continue
            event = _event(topic, decode, key, message.value())
            if isinstance(event, DeadLetterCause):
                inbox.dead_letters.append(DeadLetterInput(message, topic, event))
            else:
                inbox.events.append(EventInput(message, topic, event))
        return inboxes


def _event(topic: str, decode: Decode, key: bytes | None, value: bytes | None) -> Event | DeadLetterCause:
    if value is None:
        return cast("DeadLetterCause", admit_tombstone(topic, key))
    try:
        event = decode(value)
    except Undecodable as error:
        return DeadLetterCause("UNDECODABLE", str(error))
    return admit(event, key_text(key)) or cast("Event", event)
