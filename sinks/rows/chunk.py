"""Decode a chunk of records: the rows of each feed, the records that do not decode, and the offsets it reaches to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from schemas.avro.decoder import Writers, decoder
from schemas.avro.errors import NoRegistry, Undecodable
from sinks.rows.copy_text import copy_text
from sinks.rows.feeds import FEEDS, Feed, RecordPosition, Row

if TYPE_CHECKING:
    from confluent_kafka import Message

Log: TypeAlias = tuple[str, int]
"""A topic on the broker, a partition."""

_DAY: Final = 24 * 3600 * 1000
# Times outside of 2020 to 2099 have no month of their own: they go to the tables' partitions for all others.
_FIRST: Final = 1_577_836_800_000
_END: Final = 4_102_444_800_000


class RefusedRecord(NamedTuple):
    """A record without a row, and why. ``topic`` is without prefix; its time in milliseconds since 1970, if any."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str
    recorded_at: int | None


@dataclass(slots=True)
class Piece:
    """The rows of one feed, and the records they were made of, in the same order.

    ``text``: the rows as COPY reads them, once they are prepared.
    """

    rows: list[Row] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    text: bytes | None = None


@dataclass(slots=True)
class LedgerChunk:
    """The records that one transaction writes."""

    pieces: dict[Feed, Piece] = field(default_factory=lambda: defaultdict(Piece))
    refused: list[RefusedRecord] = field(default_factory=list)
    next_offsets: dict[Log, int] = field(default_factory=dict)
    newest: dict[Log, int] = field(default_factory=dict)  # timestamp of each log's last record

    def in_order(self) -> list[tuple[Feed, Piece]]:
        """The pieces in the order in which every sink writes them, so that two sinks wait less for each other."""
        return [(feed, self.pieces[feed]) for feed in FEEDS if feed in self.pieces]

    def prepare(self) -> None:
        """Make the text for COPY; another chunk may be written meanwhile."""
        for piece in self.pieces.values():
            piece.text = copy_text(piece.rows)

    def months(self) -> set[date]:
        """The first days of the months that its rows need a partition for."""
        days = {
            row[feed.month_at] // _DAY
            for feed, piece in self.pieces.items()
            if feed.month_at is not None
            for row in piece.rows
            if _FIRST <= row[feed.month_at] < _END
        }
        return {datetime.fromtimestamp(day * _DAY / 1000, UTC).date().replace(day=1) for day in days}


class RowDecoder:
    """Decodes records. ``topic_of`` gives the name of a topic on the broker.

    ``judge`` is called for a value behind the id of a schema registry where there are no ``writers``; it raises where
    the settings are at fault and not the record.
    """

    def __init__(
        self, topic_of: Callable[[str], str], writers: Writers | None, judge: Callable[[Feed], None] = lambda _: None
    ) -> None:
        self._judge_framed = judge
        tuples: dict[str, Callable[..., Any]] = defaultdict(lambda: tuple)  # every record becomes a plain tuple
        self._feeds = {
            topic_of(feed.topic): (feed, decoder(feed.schema, tuples, writers, array=list)) for feed in FEEDS
        }

    def decode(self, messages: Iterable[Message]) -> LedgerChunk:
        """The chunk of these records. Raises RegistryUnreachable, and as ``judge`` does: decode them again later."""
        chunk = LedgerChunk()
        for message in messages:
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            feed, decode = self._feeds[topic]
            _, timestamp = message.timestamp()
            log = topic, partition
            chunk.next_offsets[log] = offset + 1
            chunk.newest[log] = timestamp
            try:
                row = _row(feed, decode, message, RecordPosition(partition, offset, timestamp))
            except Undecodable as error:
                if isinstance(error, NoRegistry):
                    self._judge_framed(feed)
                chunk.refused.append(refused(feed, message, f"UNDECODABLE {error}"))
            else:
                piece = chunk.pieces[feed]
                piece.rows.append(row)
                piece.messages.append(message)
        return chunk


def refused(feed: Feed, message: Message, reason: str) -> RefusedRecord:
    """A record that no other table takes, for the table of refused ones."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    timestamp = message.timestamp()[1]
    recorded_at = timestamp if 0 <= timestamp < _END else None
    return RefusedRecord(feed.topic, partition, offset, message.key(), message.value(), reason, recorded_at)


def _row(feed: Feed, decode: Callable[[bytes], Row], message: Message, position: RecordPosition) -> Row:
    value = message.value()
    if value is not None:
        return feed.make_row(decode(value), position)
    key = message.key()
    if not feed.is_compacted or key is None:
        raise Undecodable("a tombstone on a topic that has none")
    try:
        return feed.tombstone_row(key.decode(), position)
    except UnicodeDecodeError:
        raise Undecodable("the key is not UTF-8") from None
