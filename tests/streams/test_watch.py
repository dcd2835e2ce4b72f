"""What a worker shows of its partitions, while they come and go under the eyes of who looks."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from schemas.contract.topics import INPUT_TOPICS
from service.readiness import ProcessReadiness, Stalls
from streams.kafka import clients, ends
from streams.observe.metrics import Metrics
from streams.pipeline.read import ChunkReader
from streams.runtime.clock import Clock
from streams.state.partition import Partition, Store
from streams.worker.watch import IDLE_SECONDS, Watch
from tests.streams.messages import SETTINGS

ALERTS = SETTINGS.topic("alerts")
OF_PARTITIONS = (
    "ronde_state_bytes",
    "ronde_state_records",
    "ronde_site_bytes",
    "ronde_site_records",
    "ronde_sites_unreadable",
    "ronde_deadlines_armed",
    "ronde_input_lag_records",
    "ronde_input_lag_seconds",
)


class Scene:
    """Two partitions at work; ``meanwhile`` runs while the broker is asked for the ends of the inputs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.metrics = Metrics()
        self.readiness = ProcessReadiness(group="the group has not assigned partitions yet")
        self.store = SimpleNamespace(partitions={number: Partition(number, Clock(0)) for number in (0, 1)})
        self.reader = SimpleNamespace(
            positions={(ALERTS, number): 5 for number in (0, 1)},
            phases={},
            taken_at={},
            chunk=None,
            polls=0,
            member_id="",
        )
        self._meanwhile: list[int] = []
        self.steady = 0.0
        self.answers = True
        self.lost: str | None = "nobody"  # the client that no broker answers
        self.stalls = Stalls(10)
        self.counts: dict[str, int] = {}
        self.end = self.stable = 7
        monkeypatch.setattr(clients, "offsets", self._ends)
        monkeypatch.setattr(clients, "partition_counts", self._partition_counts)
        monkeypatch.setattr(clients, "refresh", lambda _: self.answers)
        monkeypatch.setattr(ends, "hears", lambda client: client in self.hearing)
        self.hearing: set[str | None] = set()  # the clients that a broker tells of brokers, though it knows no ends
        self._watch = Watch(
            cast("Consumer", None),
            cast("Consumer", "uncommitted"),
            cast("Store", self.store),
            cast("ChunkReader", self.reader),
            SETTINGS,
            self.readiness,
            self.stalls,
            self.metrics,
            lambda: self.steady,
        )

    def _partition_counts(self, _consumer: object) -> dict[str, int]:
        self._check()
        return {SETTINGS.topic(topic): self.counts.get(topic, SETTINGS.topics.partitions) for topic in INPUT_TOPICS}

    def _check(self) -> None:
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def _ends(self, consumer: object, positions: list[tuple[str, int]], _end: object) -> dict[Any, int]:
        self._check()
        if consumer == self.lost:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        for number in self._meanwhile:
            del self.store.partitions[number]
        self._meanwhile.clear()
        return dict.fromkeys(positions, self.end if consumer == "uncommitted" else self.stable)

    def numbers(self) -> dict[str, set[str]]:
        """The partitions that each metric shows."""
        families = {family.name: family for family in self.metrics.registry.collect()}
        return {name: {sample.labels["partition"] for sample in families[name].samples} for name in OF_PARTITIONS}

    async def waits_for_group(self, seconds: float) -> bool:
        """Whether a worker without partitions still waits for its group, so many seconds later."""
        self.steady += seconds
        await self._watch.look()
        return "group" in self.readiness.reasons

    async def look(self) -> dict[str, set[str]]:
        await self._watch.look()
        return self.numbers()

    async def look_and_give_up_meanwhile(self, number: int) -> dict[str, set[str]]:
        self._meanwhile.append(number)
        return await self.look()

    async def look_after(self, seconds: float) -> dict[str, str]:
        """Look once more, so many seconds later; the reasons not to be ready."""
        self.steady += seconds
        await self._watch.look()
        return dict(self.readiness.reasons)

    async def unheard_after(self, seconds: float) -> float:
        """So long a client was not answered, when it is looked once more so many seconds later."""
        await self.look_after(seconds)
        return self._watch.unheard_seconds

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.mark.asyncio
async def test_a_partition_given_up_during_a_look_is_shown_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    assert await scene.look() == {name: {"0", "1"} for name in OF_PARTITIONS}
    assert await scene.look_and_give_up_meanwhile(1) == {name: {"0"} for name in OF_PARTITIONS}
    assert await scene.look() == {name: {"0"} for name in OF_PARTITIONS}


@pytest.mark.asyncio
async def test_a_member_that_is_given_nothing_for_a_while_stands_by(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    assert await scene.waits_for_group(2 * IDLE_SECONDS), "it has not joined"
    scene.reader.member_id = "one"
    assert await scene.waits_for_group(0)
    assert await scene.waits_for_group(IDLE_SECONDS - 1), "it has just joined"
    assert not await scene.waits_for_group(1)


@pytest.mark.asyncio
async def test_a_member_without_a_broker_does_not_stand_by(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.reader.member_id = "one"
    assert await scene.waits_for_group(0)
    scene.answers = False
    assert await scene.waits_for_group(IDLE_SECONDS)
    scene.answers = True
    assert await scene.waits_for_group(1), "the broker has only just come back"
    assert not await scene.waits_for_group(IDLE_SECONDS)


@pytest.mark.asyncio
async def test_a_member_that_was_lost_stands_by_no_sooner_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.reader.member_id = "one"
    assert await scene.waits_for_group(0)
    scene.readiness.arrive("group")
    assert not await scene.waits_for_group(IDLE_SECONDS)
    scene.readiness.wait("group", "the group went on without this worker; it joins again")
    assert await scene.waits_for_group(1), "it joins again"
    assert not await scene.waits_for_group(IDLE_SECONDS)


@pytest.mark.asyncio
async def test_a_record_behind_an_open_transaction_is_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.end, scene.stable = 12, 5
    await scene.look_after(0)
    assert scene.value("ronde_input_lag_records", topic="alerts", partition="0") == 7
    reasons = await scene.look_after(10)
    assert "ronde.alerts, partition 0" in reasons["inputs"]
    assert not any("input" in work for work in scene.stalls.waiting(scene.steady)), "a restart would not help"
    scene.stable = 12
    assert "inputs" not in await scene.look_after(1)


@pytest.mark.asyncio
async def test_kafka_away_is_no_more_ready_after_the_stall_and_the_lag_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.readiness.arrive("group")
    assert await scene.look_after(1) == {}
    scene.answers = False
    assert await scene.look_after(SETTINGS.worker.stall_seconds - 1) == {}
    assert (await scene.look_after(1)).keys() == {"kafka"}
    assert scene.value("ronde_ready") == 0
    assert scene.value("ronde_kafka_silent_seconds") == SETTINGS.worker.stall_seconds
    assert scene.value("ronde_input_lag_records", topic="alerts", partition="0") == 2, "what waited goes on waiting"
    scene.answers = True
    assert await scene.look_after(1) == {}
    assert scene.value("ronde_ready") == 1


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_question_that_hangs_does_not_hold_the_gauges(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.readiness.arrive("group")
    await scene.look_after(0)
    freed = threading.Event()
    monkeypatch.setattr(clients, "offsets", lambda _, logs, __: freed.wait() and dict.fromkeys(logs, 7))
    try:
        assert (await scene.look_after(30)).keys() == {"kafka"}
        assert scene.value("ronde_kafka_silent_seconds") == 30
        await scene.look_after(30)
        assert scene.value("ronde_kafka_silent_seconds") == 60
    finally:
        freed.set()


@pytest.mark.asyncio
async def test_partitions_added_to_an_input_are_seen_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.readiness.arrive("group")
    assert await scene.look_after(0) == {}
    scene.counts["alerts"] = SETTINGS.topics.partitions + 2
    assert (await scene.look_after(30)).keys() == {"partitions"}
    assert scene.value("ronde_topic_partitions_excess", topic="alerts") == 2
    assert scene.value("ronde_topic_partitions_excess", topic="sites") == 0
    scene.counts.clear()
    assert await scene.look_after(30) == {}


@pytest.mark.asyncio
async def test_readers_held_up_are_shown_since_their_last_record(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    await scene.look_after(0)
    assert scene.value("ronde_readers_blocked_seconds", topic="calls", partition="0") == 0
    scene.end = 20
    await scene.look_after(1)
    await scene.look_after(40)
    assert scene.value("ronde_readers_blocked_seconds", topic="calls", partition="0") == 40
    assert scene.value("ronde_readers_blocked_records", topic="calls", partition="0") == 13
    scene.stable = 15
    await scene.look_after(1)
    assert scene.value("ronde_readers_blocked_seconds", topic="calls", partition="0") == 0, "it moves"
    scene.stable = 20
    await scene.look_after(9)
    assert scene.value("ronde_readers_blocked_records", topic="calls", partition="0") == 0


@pytest.mark.asyncio
async def test_a_worker_that_waits_for_the_registry_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.reader.chunk = object()
    scene.readiness.arrive("group")
    scene.readiness.wait("registry", "the schema registry does not answer")
    await scene.look_after(0)
    await scene.look_after(60)
    assert scene.stalls.standing(scene.steady) == {}
    assert scene.value("ronde_standing_still_seconds") == 0
    scene.readiness.arrive("registry")
    await scene.look_after(1)
    assert scene.stalls.standing(scene.steady) == {}, "it can go on only now"
    await scene.look_after(10)
    assert scene.stalls.standing(scene.steady)["a chunk in flight"] == 10


@pytest.mark.asyncio
async def test_a_clock_ahead_is_remarked_and_keeps_nobody_from_work(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.readiness.arrive("group")
    scene.store.partitions[1] = Partition(1, Clock(1_600_000, wall=lambda: 1_000_000, steady=lambda: 0))
    assert await scene.look_after(0) == {}
    assert scene.readiness.remarks == {"clock": "ahead of the wall clock: partition 1 by 600 s"}
    assert scene.value("ronde_clock_ahead_seconds", partition="1") == 600


@pytest.mark.asyncio
async def test_sites_that_cannot_be_read_are_remarked_until_they_are_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch)
    scene.readiness.arrive("group")
    partition = scene.store.partitions[1]
    partition.unreadable_sites = {"site-1", "site-2"}
    assert await scene.look_after(0) == {}
    assert scene.readiness.remarks["sites"].endswith(": 2 of partition 1")
    assert [scene.value("ronde_sites_unreadable", partition=number) for number in "01"] == [0, 2]
    partition.unreadable_sites.clear()
    await scene.look_after(1)
    assert scene.readiness.remarks == {}
    assert scene.value("ronde_sites_unreadable", partition="1") == 0


@pytest.mark.asyncio
async def test_a_client_is_unheard_where_no_broker_tells_it_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where the ends are unknown alone, as when one partition has no leader."""
    scene = Scene(monkeypatch)
    assert await scene.unheard_after(40) == 0
    scene.answers = False
    assert await scene.unheard_after(40) == 40
    scene.hearing = {"uncommitted"}
    assert await scene.unheard_after(40) == 0
    scene.hearing = set()
    assert await scene.unheard_after(40) == 40
    scene.answers = True
    assert await scene.unheard_after(40) == 0


@pytest.mark.asyncio
async def test_each_client_is_heard_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.lost = None
    assert [await scene.unheard_after(40) for _ in range(3)] == [40, 80, 120]
