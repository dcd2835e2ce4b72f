"""A client that has lost sight of a partition's leader gives way to another one.

After a moment without a leader, librdkafka may never learn of the next (librdkafka #5430); no broker makes it do so on
purpose, so a test's client stands for it: one that acknowledges nothing of a partition, one that is paused.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from edges.kafka import clients
from edges.kafka import producer as writing
from edges.kafka import view as reading
from edges.kafka.ages import Ages
from edges.kafka.layout import Log
from edges.kafka.producer import Producer
from edges.kafka.view import View
from edges.settings import Connection
from tests.edges.kafka.test_kafka import S1, Book, producing, record, viewing
from tests.edges.kafka.test_lanes import CONNECTION, OTHER, STUCK, Client, client, outcome
from tests.support.waiting import eventually

__all__ = ["client"]

ANSWERED: dict[Log, int] = {("signals", STUCK): 7}


@pytest.fixture
def leaders(monkeypatch: pytest.MonkeyPatch) -> dict[Log, int]:
    """The logs whose leaders answer, to be changed."""
    answered: dict[Log, int] = {}

    def ask(_consumer: Any, _connection: Any, logs: Sequence[Log], *_: Any) -> tuple[dict[Log, int], None]:
        if not (found := {log: answered[log] for log in logs if log in answered}):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return found, None

    monkeypatch.setattr(writing, "_STUCK_SECONDS", 0.1)
    monkeypatch.setattr(writing, "_ASK_SECONDS", 0.05)
    monkeypatch.setattr(writing, "answered_offsets", ask)
    monkeypatch.setattr(clients, "reader", lambda _: SimpleNamespace(close=lambda: None))
    return answered


@pytest.mark.asyncio
async def test_a_partition_that_is_written_no_more_gets_another_client(
    client: type[Client], leaders: dict[Log, int]
) -> None:
    leaders |= ANSWERED
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    assert (await outcome(producer, "stuck", 60)).startswith("Kafka has not taken it")
    assert await outcome(producer, "stuck", 60) == "acknowledged"
    assert (len(client.made), producer.recreated, client.made[0].produced) == (2, 1, [STUCK])
    await producer.stop()


@pytest.mark.asyncio
async def test_while_the_leader_does_not_answer_what_it_was_sent_may_yet_be_written(
    client: type[Client], leaders: dict[Log, int]
) -> None:
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    waiting = asyncio.create_task(outcome(producer, "stuck", 60))
    assert [await outcome(producer, OTHER) for _ in range(100)] == ["acknowledged"] * 100
    await asyncio.sleep(0.5)
    assert (producer.recreated, waiting.done()) == (0, False)
    client.made[0].leaderless = set()
    assert await waiting == "acknowledged"
    await producer.stop()


@pytest.mark.asyncio
async def test_another_client_is_tried_less_and_less_often(client: type[Client], leaders: dict[Log, int]) -> None:
    leaders |= ANSWERED
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    patience: list[float] = []
    for number in range(3):
        client.made[number].leaderless = {STUCK}
        patience.append(producer._patience)
        assert (await outcome(producer, "stuck", 60)).startswith("Kafka has not taken it")
    assert patience == [0.1, 0.2, 0.4]
    await producer.stop()


def test_a_log_is_stuck_while_its_end_is_known_and_it_is_read_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("edges.kafka.ages.time.monotonic", lambda: now)
    log = ("signals", 0)
    made = Ages([log])
    made.ends(log, 5, now)
    now = 120.0
    made.ends(log, 5, now)
    assert made.stuck(10) is None, "at the start there is much to read"
    made.reach({log: 5})
    assert made.stuck(10) is None
    for second in range(121, 130):
        now = float(second)
        made.ends(log, 9, now)
        assert made.stuck(10) is None
    now = 131.5
    made.ends(log, 9, now)
    assert made.stuck(10) == log
    now = 135.0
    assert made.stuck(10) is None, "its leader answers no more"
    made.ends(log, 9, now)
    made.reach({log: 6})
    assert made.stuck(10) is None, "it is read further"


@pytest.mark.server
@pytest.mark.asyncio
async def test_a_partition_that_is_read_no_more_gets_another_client_which_reads_on(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_blind = threading.Event()
    step = View._step

    def blinded(self: View, consumer: Consumer) -> None:
        if is_blind.is_set():
            is_blind.clear()
            consumer.pause([TopicPartition(connection.topic("signals"), S1)])
        step(self, consumer)

    book = Book()
    async with producing(connection) as producer:
        await producer.send(record(1), record(2))
        monkeypatch.setattr(reading, "_STUCK_SECONDS", 1.0)
        monkeypatch.setattr(View, "_step", blinded)
        async with viewing(connection, book):
            is_blind.set()
            await asyncio.to_thread(eventually, lambda: not is_blind.is_set(), "the reader is blind")
            await producer.send(record(1), record(2))
            entries = await book.has(4)
        assert sorted((entry.key, entry.offset) for entry in entries) == [("S1", 0), ("S1", 1), ("S2", 0), ("S2", 1)]
