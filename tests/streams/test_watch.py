"""What a worker shows of its partitions, while they come and go under the eyes of who looks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer

from streams.broker import clients
from streams.clock import Clock
from streams.health import Readiness, Stalls
from streams.metrics import Metrics
from streams.source import Source
from streams.store import Partition, Store
from streams.watch import IDLE_SECONDS, Watch
from tests.streams.messages import SETTINGS

ALERTS = SETTINGS.topic("alerts")
OF_PARTITIONS = (
    "ronde_state_bytes",
    "ronde_state_records",
    "ronde_site_bytes",
    "ronde_site_records",
    "ronde_deadlines_armed",
    "ronde_input_lag_records",
    "ronde_input_lag_seconds",
)


class Scene:
    """Two partitions at work; ``meanwhile`` runs while the broker is asked for the ends of the inputs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.metrics = Metrics()
        self.readiness = Readiness(group="the group has not assigned partitions yet")
        self.store = SimpleNamespace(partitions={number: Partition(number, Clock(0)) for number in (0, 1)})
        self.source = SimpleNamespace(
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
        monkeypatch.setattr(clients, "offsets", self._ends)
        monkeypatch.setattr(clients, "refresh", lambda _: self.answers)
        self._watch = Watch(
            cast("Consumer", None),
            cast("Store", self.store),
            cast("Source", self.source),
            SETTINGS,
            lambda: self.steady,
        )

    def _ends(self, _consumer: object, positions: dict[tuple[str, int], int], _end: object) -> dict[Any, int]:
        for number in self._meanwhile:
            del self.store.partitions[number]
        self._meanwhile.clear()
        return dict.fromkeys(positions, 7)

    def numbers(self) -> dict[str, set[str]]:
        """The partitions that each metric shows."""
        families = {family.name: family for family in self.metrics.registry.collect()}
        return {name: {sample.labels["partition"] for sample in families[name].samples} for name in OF_PARTITIONS}

    async def waits_for_group(self, seconds: float) -> bool:
        """Whether a worker without partitions still waits for its group, so many seconds later."""
        self.steady += seconds
        await self._watch.look(self.readiness, Stalls(10), self.metrics)
        return "group" in self.readiness.reasons

    async def look(self) -> dict[str, set[str]]:
        await self._watch.look(Readiness(), Stalls(10), self.metrics)
        return self.numbers()

    async def look_and_give_up_meanwhile(self, number: int) -> dict[str, set[str]]:
        self._meanwhile.append(number)
        return await self.look()


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
    scene.source.member_id = "one"
    assert await scene.waits_for_group(0)
    assert await scene.waits_for_group(IDLE_SECONDS - 1), "it has just joined"
    assert not await scene.waits_for_group(1)


@pytest.mark.asyncio
async def test_a_member_without_a_broker_does_not_stand_by(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.source.member_id = "one"
    assert await scene.waits_for_group(0)
    scene.answers = False
    assert await scene.waits_for_group(IDLE_SECONDS)
    scene.answers = True
    assert await scene.waits_for_group(1), "the broker has only just come back"
    assert not await scene.waits_for_group(IDLE_SECONDS)


@pytest.mark.asyncio
async def test_a_member_that_was_lost_stands_by_no_sooner_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.source.member_id = "one"
    assert await scene.waits_for_group(0)
    scene.readiness.arrive("group")
    assert not await scene.waits_for_group(IDLE_SECONDS)
    scene.readiness.wait("group", "the group went on without this worker; it joins again")
    assert await scene.waits_for_group(1), "it joins again"
    assert not await scene.waits_for_group(IDLE_SECONDS)
