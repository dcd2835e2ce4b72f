"""Producer, view and fetcher on a real broker."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka import Producer as Client

from edges.kafka.errors import TopicsDifferError, UnconfirmedError
from edges.kafka.fetcher import Fetcher
from edges.kafka.producer import Producer, Record
from edges.kafka.view import Entry, FromOffsets, FromTime, Reading, View
from edges.settings import Connection
from schemas.contract import murmur2
from tests.machine import stretched

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka

pytestmark = pytest.mark.asyncio

S1: Final = murmur2.partition(b"S1", 3)


@asynccontextmanager
async def producing(connection: Connection) -> AsyncIterator[Producer]:
    made = Producer(connection, ("signals", "alerts"), pulse_topic="signals")
    await asyncio.wait_for(made.start(), 30)
    await made.send(Record("alerts", "", b""), seconds=60)  # a fresh broker takes its time
    try:
        yield made
    finally:
        await made.stop()


class Book:
    """What a view hands on."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def take(self, entries: Sequence[Entry]) -> None:
        self.entries += entries

    async def has(self, count: int) -> list[Entry]:
        async with asyncio.timeout(30):
            while len(self.entries) < count:  # noqa: ASYNC110  # nobody would set an event
                await asyncio.sleep(0.02)
        return self.entries


@asynccontextmanager
async def viewing(connection: Connection, book: Book, **topics: Reading) -> AsyncIterator[View]:
    view = View(connection, topics or {"signals": Reading()}, book.take)
    view.start()
    try:
        await asyncio.wait_for(view.wait_read(), 30)
        yield view
    finally:
        await view.stop()


def record(number: int, topic: str = "signals") -> Record:
    return Record(topic, f"S{number}", b"value %d" % number)


async def until_age(view: View, *, above: float | None = None, below: float | None = None) -> float:
    async with asyncio.timeout(30):
        while True:
            age = view.worst_age
            if (above is None or age > above) and (below is None or age < below):
                return age
            await asyncio.sleep(0.05)


async def test_sent_means_kept_where_murmur2_puts_it(connection: Connection) -> None:
    book = Book()
    async with viewing(connection, book), producing(connection) as producer:
        await producer.send(*map(record, range(50)), record(99, "alerts"))
        await producer.send(Record("signals", "S7", None, 1_767_225_600_000))
        entries = await book.has(51)
        assert producer.acknowledged == 53
        assert producer.silent_seconds < stretched(1)
    assert {(entry.key, entry.value) for entry in entries} == {
        *((f"S{number}", b"value %d" % number) for number in range(50)),
        ("S7", None),
    }
    assert all(entry.partition == murmur2.partition(entry.key.encode(), 3) for entry in entries)
    assert all(abs(entry.timestamp / 1000 - time.time()) < 60 for entry in entries if entry.value is not None)
    assert [entry.timestamp for entry in entries if entry.value is None] == [1_767_225_600_000]


async def test_a_view_begins_where_it_is_told(connection: Connection) -> None:
    async with producing(connection) as producer:
        for number in range(3):
            await producer.send(Record("signals", "S1", b"%d" % number))
        await asyncio.sleep(0.01)
        then = int(time.time() * 1000)
        await producer.send(Record("signals", "S1", b"3"))
    for start, expected in (
        (FromOffsets({}), [b"0", b"1", b"2", b"3"]),
        (FromOffsets({S1: 2}), [b"2", b"3"]),
        (FromTime(then), [b"3"]),
        (FromTime(then + 60_000), []),
    ):
        book = Book()
        async with viewing(connection, book, signals=Reading(start)):
            assert [entry.value for entry in book.entries] == expected, start


async def test_an_open_transaction_shows_as_age_and_a_settled_one_does_not(connection: Connection) -> None:
    book = Book()
    writer = Client({**connection.producer, "transactional.id": f"{connection.prefix}t"})
    writer.init_transactions(30)
    async with viewing(connection, book) as view:
        writer.begin_transaction()
        writer.produce(connection.topic("signals"), b"open", b"S1", S1)
        writer.flush(30)
        assert await until_age(view, above=2.5) < 5
        key_ages = sorted(view.ages().values())
        assert key_ages[-2] < 2, "only one partition is behind"
        assert view.age_of_key("S1") == pytest.approx(key_ages[-1], abs=0.5)
        assert book.entries == []
        await asyncio.to_thread(writer.abort_transaction, 30)
        await until_age(view, below=1.5)
        writer.begin_transaction()
        writer.produce(connection.topic("signals"), b"kept", b"S1", S1)
        await asyncio.to_thread(writer.commit_transaction, 30)
        assert [entry.value for entry in await book.has(1)] == [b"kept"]
        await until_age(view, below=1.5)


async def test_a_frozen_broker_leaves_unconfirmed_and_old_and_all_comes_back(
    connection_to_freeze: Connection, patient_broker: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edges.kafka.producer.IN_FLIGHT", 2)
    book, connection = Book(), connection_to_freeze
    async with viewing(connection, book) as view, producing(connection) as producer:
        await producer.send(record(0))
        await asyncio.sleep(1.5)
        assert producer.silent_seconds < 3, "the pulse alone"
        patient_broker.pause()
        try:
            began = time.monotonic()
            sends = [asyncio.create_task(producer.send(Record("signals", "S1", b"%d" % n))) for n in range(10)]
            outcomes = await asyncio.gather(*sends, return_exceptions=True)
            assert 2.9 < time.monotonic() - began < stretched(3.5)
            assert all(isinstance(outcome, UnconfirmedError) for outcome in outcomes)
            await until_age(view, above=4)
            assert producer.silent_seconds > 3
        finally:
            patient_broker.resume()
        await producer.send(record(1), seconds=20)
        await until_age(view, below=1.5)
        written = [entry.value for entry in await book.has(4)]
        assert written[-1] == b"value 1"
        assert sorted(written[1:-1]) == [b"0", b"1"], "the others were dropped, with certainty"


async def test_a_pulse_alone_tells_that_kafka_acknowledges(connection: Connection) -> None:
    async with producing(connection) as producer:
        await asyncio.sleep(4)
        assert producer.silent_seconds < stretched(1.6)


async def test_one_record_is_fetched_by_its_place(connection: Connection) -> None:
    async with producing(connection) as producer:
        await producer.send(Record("signals", "S1", b"a"), Record("signals", "S1", b"b"))
    fetcher = Fetcher(connection)
    try:
        assert await fetcher.fetch("signals", S1, 1, "S1") == b"b"
        assert await fetcher.fetch("signals", S1, 0, "S1") == b"a"
        assert await fetcher.fetch("signals", S1, 0, "S2") is None
        assert await fetcher.fetch("signals", S1, 2, "S1") is None
        assert await fetcher.fetch("signals", S1, 77, "S1") is None
    finally:
        await fetcher.stop()


async def test_topics_that_differ_are_named(connection: Connection) -> None:
    wider = replace(connection, partitions=5)
    with pytest.raises(TopicsDifferError, match=r"signals has 3 partitions, and topics.partitions is 5"):
        await asyncio.wait_for(Producer(wider, ("signals",)).start(), 30)
    view = View(wider, {"signals": Reading()}, lambda _: None)
    view.start()
    with pytest.raises(TopicsDifferError, match="3 partitions"):
        await asyncio.wait_for(view.wait_read(), 30)
    await view.stop()
    elsewhere = replace(connection, prefix="nowhere.")
    with pytest.raises(TopicsDifferError, match=r"no topic nowhere.signals: .*`ronde topics create`"):
        await asyncio.wait_for(Producer(elsewhere, ("signals",)).start(), 30)


async def test_a_view_that_ends_amid_a_batch_hands_on_nothing_undecoded(connection: Connection) -> None:
    async with producing(connection) as producer:
        await asyncio.gather(*(producer.send(record(1), seconds=30) for _ in range(50)))
    begun, go_on, book = threading.Event(), threading.Event(), Book()

    def decode(value: bytes) -> str:
        begun.set()
        assert go_on.wait(30)
        return value.decode()

    view = View(connection, {"signals": Reading(decode=decode)}, book.take, in_loop=False)
    view.start()
    assert await asyncio.to_thread(begun.wait, 30)
    end = asyncio.create_task(view.stop())
    await asyncio.sleep(0.1)
    go_on.set()
    await end
    assert {type(entry.value) for entry in book.entries} <= {str}
    assert view.failure is None
