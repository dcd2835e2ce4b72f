"""A client that has lost sight of a partition's leader gives way to another one.

After a moment without a leader, librdkafka may never learn of the next (librdkafka #5430); no broker makes it do so on
purpose, so a test's client stands for it: one that acknowledges nothing of a partition, one that is paused.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from edges.kafka import clients
from edges.kafka import producer as writing
from edges.kafka import view as reading
from edges.kafka.ages import Ages
from edges.kafka.producer import Producer
from edges.kafka.view import View
from edges.settings import Connection
from schemas.contract.topics import Log
from service import lost_leader
from service.lost_leader import PASSED_ON, Standstill
from tests.edges.kafka.test_kafka import S1, Book, producing, record, viewing
from tests.edges.kafka.test_lanes import CONNECTION, OTHER, STUCK, Client, client, outcome
from tests.edges.test_passing_errors import an_intake
from tests.support.waiting import eventually

__all__ = ["client"]

ANSWERED: dict[Log, int] = {("signals", STUCK): 7}


@pytest.fixture
def leaders(monkeypatch: pytest.MonkeyPatch) -> dict[Log, int]:
    """The logs whose leaders answer, to be changed."""
    answered: dict[Log, int] = {}

    def ask(_consumer: Any, _connection: Any, logs: Iterable[Log], *_: Any) -> tuple[dict[Log, int], None]:
        if not (found := {log: answered[log] for log in logs if log in answered}):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return found, None

    monkeypatch.setattr(lost_leader, "ANSWERED_SECONDS", 0.3)
    monkeypatch.setattr(writing, "_STILL_SECONDS", 0.05)
    monkeypatch.setattr(lost_leader, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(writing, "answered_offsets", ask)
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


@pytest.mark.slow
@pytest.mark.asyncio
async def test_while_the_leader_does_not_answer_what_it_was_sent_may_yet_be_written(
    client: type[Client], leaders: dict[Log, int]
) -> None:
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    waiting = asyncio.create_task(outcome(producer, "stuck", 60))
    assert [await outcome(producer, OTHER, 60) for _ in range(100)] == ["acknowledged"] * 100
    await asyncio.sleep(1)
    assert (producer.recreated, waiting.done()) == (0, False)
    client.made[0].leaderless = set()
    assert await waiting == "acknowledged"
    await producer.stop()


@pytest.mark.asyncio
async def test_where_no_other_client_can_be_made_this_one_goes_on(
    client: type[Client], leaders: dict[Log, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaders |= ANSWERED
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    tried = threading.Event()

    def none(*_: Any) -> Client:
        tried.set()
        raise KafkaException(KafkaError(KafkaError._INVALID_ARG))

    with monkeypatch.context() as patch:
        patch.setattr(clients, "producer", none)
        waiting = asyncio.create_task(outcome(producer, "stuck", 60))
        await asyncio.to_thread(tried.wait, 30)
    client.made[0].leaderless = set()
    assert (await waiting, producer.recreated) == ("acknowledged", 0)
    await producer.stop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("service.lost_leader.time.monotonic", lambda: made.now)
    return made


def test_a_leader_that_was_away_has_its_time_from_when_it_answers(clock: SimpleNamespace) -> None:
    judge, log = Standstill(), ("signals", 0)
    due = []
    for second in range(0, 300, 5):
        clock.now = 1000.0 + second
        is_led = second >= 200  # it has not moved since the beginning, and was without a leader
        due += [second] if judge.judge({log: 1000.0} if is_led else {}) else []
    assert due == [265]


def test_a_leader_that_misses_an_answer_has_its_time_again(clock: SimpleNamespace) -> None:
    judge, log = Standstill(), ("signals", 0)
    due = []
    for second in range(0, 300, 5):
        clock.now = 1000.0 + second
        due += [second] if judge.judge({} if second == 50 else {log: 1000.0}) else []
    assert due[0] == 120


def test_a_group_that_passes_a_damaged_partition_on_takes_other_clients_less_and_less_often(
    clock: SimpleNamespace,
) -> None:
    members, log, holder, due = [Standstill(PASSED_ON) for _ in range(4)], ("signals", 0), 0, []
    begun = clock.now
    for second in range(0, 36_000, 5):
        clock.now = 1000.0 + second
        found = [member.judge({log: begun} if number == holder else {}) for number, member in enumerate(members)]
        if any(found):
            due.append(second)
            holder, begun = (holder + 1) % len(members), clock.now
    assert sum(second < 3_600 for second in due) < 25
    assert sum(second > 32_400 for second in due) < 6, due


def test_another_client_is_due_less_and_less_often_and_at_once_when_all_was_well(clock: SimpleNamespace) -> None:
    judge, log = Standstill(), ("signals", 0)
    due = []
    for second in range(0, 20_000, 5):
        clock.now = 1000.0 + second
        due += [second] if judge.judge({} if 12_000 < second < 16_000 else {log: 1000.0}) else []
    first = [second for second in due if second < 12_000]
    assert first == [65, 185, 425, 905, 1865, 3785, 7385, 10985]
    assert due[len(first)] == 16_065


def test_one_that_asks_for_less_has_another_client_sooner(clock: SimpleNamespace) -> None:
    judge, log = Standstill(answered_seconds=10.0), ("signals", 0)
    due = []
    for second in range(0, 20_000, 5):
        clock.now = 1000.0 + second
        due += [second] if judge.judge({} if 12_000 < second < 16_000 else {log: 1000.0}) else []
    first = [second for second in due if second < 12_000]
    assert first == [15, 35, 75, 155, 315, 635, 1275, 2555, 5115, 8715]
    assert due[len(first)] == 16_015, "and as soon when all was well"


def test_a_log_is_read_no_further_while_its_end_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("edges.kafka.ages.time.monotonic", lambda: now)
    log = ("signals", 0)
    made = Ages([log])
    made.ends(log, 5, now)
    now = 120.0
    made.ends(log, 5, now)
    assert made.still(10) == {log: 100.0}, "nothing of it was read yet, as where a start lost sight of its leader"
    made.reach({log: 3})
    assert made.still(10) == {}, "at the start there is much to read"
    made.reach({log: 5})
    assert made.still(10) == {}
    for second in range(121, 130):
        now = float(second)
        made.ends(log, 9, now)
        assert made.still(10) == {}
    now = 131.5
    made.ends(log, 9, now)
    assert made.still(10) == {log: 121.0}
    now = 135.0
    assert made.still(10) == {}, "its leader answers no more"
    made.ends(log, 9, now)
    made.reach({log: 6})
    assert made.still(10) == {}, "it is read further"


def test_dispatches_of_its_own_partitions_alone_are_read_by_another_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    intake = an_intake([])
    monkeypatch.setattr(lost_leader, "ANSWERED_SECONDS", 0.0)
    monkeypatch.setattr(lost_leader, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(intake._ages, "still", lambda _: {("dispatches", 1): 0.0})
    assert [intake._is_blind() for _ in range(3)] == [False] * 3
    intake._own.add(1)
    eventually(intake._is_blind, "another consumer is due")


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
        monkeypatch.setattr(lost_leader, "ANSWERED_SECONDS", 1.0)
        monkeypatch.setattr(reading, "_STILL_SECONDS", 0.5)
        monkeypatch.setattr(lost_leader, "LOOK_SECONDS", 0.2)
        monkeypatch.setattr(View, "_step", blinded)
        async with viewing(connection, book):
            is_blind.set()
            await asyncio.to_thread(eventually, lambda: not is_blind.is_set(), "the reader is blind")
            await producer.send(record(1), record(2))
            entries = await book.has(4)
        assert sorted((entry.key, entry.offset) for entry in entries) == [("S1", 0), ("S1", 1), ("S2", 0), ("S2", 1)]
