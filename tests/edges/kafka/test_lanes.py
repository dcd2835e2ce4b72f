"""The producer's lanes with a client that acknowledges what a test lets it; and ages, without any Kafka."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import pytest
from confluent_kafka import KafkaError

from edges.kafka import clients
from edges.kafka.ages import Ages
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Producer, Record
from edges.settings import Connection
from schemas.contract import murmur2
from tests.machine import stretched

PARTITIONS: Final = 4
CONNECTION: Final = Connection("ronde.", "group", PARTITIONS, {}, {})
STUCK: Final = murmur2.partition(b"stuck", PARTITIONS)
OTHER: Final = next(f"S{n}" for n in range(99) if murmur2.partition(f"S{n}".encode(), PARTITIONS) != STUCK)


class Client:
    """Acknowledges the records of every partition that is led; purged ones fail."""

    made: list[Client]

    def __init__(self, on_error: Callable[[KafkaError], None]) -> None:
        self.on_error = on_error
        self.leaderless: set[int] = set()
        self.produced: list[int] = []
        self.stamped: list[int] = []
        self._waiting: list[tuple[int, Callable[[KafkaError | None, Any], None]]] = []
        Client.made.append(self)

    def __len__(self) -> int:
        return len(self._waiting)

    def list_topics(self, name: str, timeout: float) -> Any:
        partitions = {number: SimpleNamespace(leader=1) for number in range(PARTITIONS)}
        return SimpleNamespace(topics={name: SimpleNamespace(error=None, partitions=partitions)})

    def produce(
        self, topic: str, value: bytes, key: bytes, *, partition: int, on_delivery: Any, timestamp: int
    ) -> None:
        self.produced.append(partition)
        self.stamped.append(timestamp)
        self._waiting.append((partition, on_delivery))

    def poll(self, seconds: float) -> None:
        time.sleep(0.002)
        waiting, self._waiting = self._waiting, []
        for partition, report in waiting:
            if partition in self.leaderless:
                self._waiting.append((partition, report))
            else:
                report(None, None)

    def purge(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, report in waiting:
            report(KafkaError(KafkaError._PURGE_INFLIGHT), None)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    Client.made = []
    monkeypatch.setattr(clients, "producer", lambda _, on_error: Client(on_error))
    return Client


async def outcome(producer: Producer, key: str, seconds: float = 0.3) -> str:
    try:
        await producer.send(Record("signals", key, b""), seconds=seconds)
    except UnconfirmedError as error:
        return str(error)
    return "acknowledged"


def unfinished(producer: Producer) -> int:
    """How many records of `STUCK` are under way or wait."""
    lane = producer._lanes["signals", STUCK]
    return lane.in_flight + len(lane.waiting)


@pytest.mark.asyncio
async def test_a_leaderless_partition_stops_its_own_senders_alone(
    client: type[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edges.kafka.producer.IN_FLIGHT", 3)
    monkeypatch.setattr("edges.kafka.producer.ROOM", 5)
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    begun = time.monotonic()
    stuck = [asyncio.create_task(outcome(producer, "stuck")) for _ in range(8)]
    await asyncio.sleep(0)
    assert unfinished(producer) == 8
    assert await outcome(producer, "stuck") == "too many records wait for their partition"
    assert [await outcome(producer, OTHER) for _ in range(20)] == ["acknowledged"] * 20
    assert set(await asyncio.gather(*stuck)) == {"Kafka has not acknowledged it in time"}
    assert time.monotonic() - begun > 0.25
    assert client.made[0].produced.count(STUCK) == 3, "the others were never handed over"
    assert unfinished(producer) == 3

    client.made[0].leaderless = set()
    assert await outcome(producer, "stuck") == "acknowledged"
    assert unfinished(producer) == 0
    assert (producer.acknowledged, producer.unconfirmed) == (24, 9)
    await producer.stop()


@pytest.mark.asyncio
async def test_an_error_while_reports_are_fetched_stops_no_later_report(
    client: type[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: failed.set())
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    with monkeypatch.context() as patch:
        patch.setattr(client.made[0], "poll", lambda _: 1 / 0)
        async with asyncio.timeout(60):
            await failed.wait()
    assert await outcome(producer, OTHER, seconds=60) == "acknowledged"
    await producer.stop()


@pytest.mark.asyncio
async def test_reports_are_looked_for_each_millisecond_only_while_any_is_due(
    client: type[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    pauses: list[float] = []
    look_in = producer._look_in

    def noting(seconds: float) -> None:
        pauses.append(seconds)
        look_in(seconds)

    monkeypatch.setattr(producer, "_look_in", noting)
    client.made[0].leaderless = {STUCK}
    await outcome(producer, "stuck")  # its caller gives it up, and librdkafka goes on
    assert set(pauses) == {0.001}
    producer._looks_in_vain = 1000  # Kafka hangs for long
    producer._look()
    assert pauses[-1] == 0.01
    client.made[0].leaderless = set()
    assert await outcome(producer, "stuck", seconds=60) == "acknowledged"
    assert pauses[-1] == 0.1, "nothing is under way"
    await producer.stop()


@pytest.mark.asyncio
async def test_one_send_of_several_records_is_done_with_the_last(client: type[Client]) -> None:
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    both = asyncio.create_task(producer.send(Record("signals", OTHER, b""), Record("signals", "stuck", b""), seconds=5))
    await asyncio.sleep(0.1)
    assert not both.done()
    client.made[0].leaderless = set()
    await both
    await producer.stop()


@pytest.mark.asyncio
async def test_a_fatal_error_makes_another_client(client: type[Client]) -> None:
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    lost = asyncio.create_task(outcome(producer, "stuck", 5))
    await asyncio.sleep(0.05)
    client.made[0].on_error(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    assert (await lost).startswith("Kafka has not taken it")
    assert await outcome(producer, "stuck", 5) == "acknowledged"
    assert (len(client.made), producer.recreated) == (2, 1)
    await producer.stop()


@pytest.mark.asyncio
async def test_a_stop_waits_for_what_was_taken_and_takes_no_more(client: type[Client]) -> None:
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    taken = asyncio.create_task(outcome(producer, "stuck", 5))
    await asyncio.sleep(0.05)
    stopping = asyncio.create_task(producer.stop(5))
    await asyncio.sleep(0.05)
    assert await outcome(producer, OTHER) == "this process ends"
    assert not stopping.done()
    client.made[0].leaderless = set()
    assert await taken == "acknowledged"
    await stopping


@pytest.mark.asyncio
async def test_a_stop_ends_in_time_whatever_kafka_does(client: type[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.kafka.producer.IN_FLIGHT", 1)
    producer = Producer(CONNECTION, ("signals",))
    await producer.start()
    client.made[0].leaderless = {STUCK}
    lost = [asyncio.create_task(outcome(producer, "stuck", 60)) for _ in range(3)]
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    await producer.stop(0.2)
    assert time.monotonic() - begun < stretched(2)
    assert "acknowledged" not in await asyncio.wait_for(asyncio.gather(*lost), 30)


def test_an_age_is_the_time_since_the_reader_last_stood_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("edges.kafka.ages.time.monotonic", lambda: now)
    log, other = ("signals", 0), ("signals", 1)
    made = Ages([log, other])
    assert made.age(log) == math.inf
    made.ends(log, 5, 99.0)
    assert made.age(log) == math.inf, "nothing is read yet"
    made.reach({log: 5})
    assert (made.age(log), made.is_whole) == (1.0, False)
    made.reach({other: 0})
    made.ends(other, 0, 100.0)
    assert (made.age(other), made.is_whole) == (0.0, True)
    assert (made.since_behind(log), made.since_behind(other)) == (math.inf, math.inf)

    for second in range(101, 111):  # it reads on, and is three seconds behind all the time
        now = float(second)
        made.ends(log, second, now)
        made.reach({log: second - 3})
        if second >= 104:
            assert made.age(log) == 3.0
    assert made.age(other) == 10.0, "nobody answered for it"
    assert (made.since_behind(log), made.since_behind(other)) == (0.0, 0.0)
    made.ends(other, 0, now)
    now = 112.0
    made.ends(other, 0, now)
    assert (made.age(other), made.since_behind(other)) == (0.0, 2.0), "it has just been behind"
    made.ends(("strange", 0), 1, now)
    assert made.all().keys() == {log, other}
