"""A test's topics, its ledger, and sinks between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from confluent_kafka import Producer

from sinks.settings import Configuration
from tests.sinks.writing import FED
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.sinks.conftest import Sink
    from tests.sinks.records import Record

EMPTY = 2  # a partition that no records of `neighbourhoods(partitions=2, …)` are in


@dataclass
class Bench:
    """``configuration`` is that of a sink of this test, ``servers`` where its broker is."""

    ledger: psycopg.Connection[Any]
    configuration: Configuration
    servers: str
    publish: Callable[[list[Record]], None]
    _settings: Callable[..., Path]
    _start: Callable[[Path], Sink]

    def start(self, **sections: Mapping[str, Any]) -> Sink:
        """Start a sink with these settings."""
        return self._start(self._settings(**sections))

    def fill(self, records: list[Record]) -> Sink:
        """Have a sink write these records into the ledger; it goes on."""
        self.publish(records)
        sink = self.start()
        eventually(lambda: is_whole(self.ledger, records), "all records in the ledger")
        return sink

    def put(self, topic: str, value: bytes) -> None:
        """Put a value on a topic, in the partition `EMPTY`."""
        producer = Producer({"bootstrap.servers": self.servers})
        producer.produce(self.configuration.topic(topic), value, b"site", EMPTY)
        assert producer.flush(10) == 0

    def is_whole(self, records: list[Record]) -> bool:
        """Whether the positions are at the end of these records."""
        return is_whole(self.ledger, records)

    def positions(self, topic: str) -> dict[int, int]:
        """The next offset of each partition of a topic (without prefix)."""
        return positions_of(self.ledger, topic)

    def refused(self) -> list[Any]:
        """Topic and reason of each record in the table `refused`."""
        return self.ledger.execute("SELECT topic, reason FROM ledger.refused").fetchall()


def is_whole(ledger: psycopg.Connection[Any], records: list[Record]) -> bool:
    """Whether the positions are at the end of what was published."""
    return not up_to(ledger, records, beyond=True)


def up_to(ledger: psycopg.Connection[Any], records: list[Record], *, beyond: bool = False) -> list[Record]:
    """The records that the positions say are in the ledger; or those that are not."""
    at = {(topic.partition(".")[2], number): offset for topic, number, offset in positions(ledger)}
    return [
        record
        for record in records
        if record.topic in FED and (record.offset >= at.get((record.topic, record.partition), 0)) is beyond
    ]


def positions(ledger: psycopg.Connection[Any]) -> list[Any]:
    """Topic, partition and next offset of each partition in the ledger."""
    table = ledger.execute("SELECT to_regclass('ledger.positions')").fetchone()
    if table is None or table[0] is None:
        return []
    return ledger.execute("SELECT topic, kafka_partition, next_offset FROM ledger.positions").fetchall()


def positions_of(ledger: psycopg.Connection[Any], topic: str) -> dict[int, int]:
    """The next offset of each partition of a topic (without prefix)."""
    offsets = {number: offset for name, number, offset in positions(ledger) if name.endswith(f".{topic}")}
    return {0: 0, 1: 0, 2: 0} | offsets
