"""Records into a ledger without Kafka: as a sink writes them, on one connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import psycopg
from confluent_kafka import Message

from sinks.rows.chunk import LedgerChunk, RefusedRecord, RowDecoder
from sinks.rows.feeds import FEEDS
from sinks.write.ledger import Ledger
from streams.formats.codec import Codec
from tests.sinks.records import Record, encoded

FED = {feed.topic for feed in FEEDS}
CHUNK = 500


def message(record: Record, value: bytes | None) -> Message:
    """A record as a consumer gets it."""
    return Message(
        topic=f"ronde.{record.topic}",
        partition=record.partition,
        offset=record.offset,
        key=record.key.encode(),
        value=value,
        timestamp=(1, record.at),
    )


def messages(records: Iterable[Record]) -> Iterator[Message]:
    """Those of the records that a sink reads."""
    for record in records:
        if record.topic in FED:
            yield message(record, None if record.value is None else encoded(_codec(), record))


@cache
def _codec() -> Codec:
    return Codec()


def chunk(given: Iterable[Message]) -> LedgerChunk:
    """Messages decoded."""
    return RowDecoder(lambda topic: f"ronde.{topic}", None).decode(given)


def write(connection: psycopg.Connection[Any], given: Iterable[Message]) -> list[RefusedRecord]:
    """Write all of them, by a sink of their own; what was refused."""
    left = list(given)
    ledger = Ledger(connection, "a test")
    ledger.claim({(str(one.topic()), one.partition() or 0) for one in left})
    rest = iter(left)
    refused = []
    while piece := list(islice(rest, CHUNK)):
        written = ledger.write(chunk(piece))
        assert sum(written.rows.values()) + len(written.refused) == len(piece), "each record counts once"
        refused += written.refused
    connection.execute("DISCARD TEMPORARY")  # another ledger may be made on this connection
    return refused
