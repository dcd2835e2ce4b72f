"""Which partitions a desk begins with, and when those that nobody led are worth another start."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, Final

import pytest
from confluent_kafka import KafkaError, KafkaException

from edges.desk import leaders
from edges.desk.leaders import SPREAD_SECONDS, Leaders
from edges.kafka.errors import TopicsDifferError
from edges.kafka.layout import Layout
from edges.settings import Connection
from schemas.contract.topics import Log

pytestmark = pytest.mark.asyncio
AWAY: Final = KafkaException(KafkaError(KafkaError._TRANSPORT))
CONNECTION: Final = Connection("none.", "none", 3, {"bootstrap.servers": "127.0.0.1:1"}, {})
PATIENCE: Final = 60


class Looks:
    """Each look finds partitions without a leader, or an error; from then on it finds the last for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: set[int] | Exception) -> None:
        self.now = 1000.0
        self.made = 0
        self.found = found
        self.spread = 0.0
        self.leaders = Leaders(CONNECTION, ("sites", "calls"), self._draw)
        self.reports: list[str | None] = []
        self.step = 1
        monkeypatch.setattr(leaders, "LOOK_SECONDS", 0)
        monkeypatch.setattr(leaders, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(Layout, "leaders", self._look)

    def _draw(self, least: float, most: float) -> float:
        assert (least, most) == (0, SPREAD_SECONDS)
        return self.spread

    def _look(self, *_: Any) -> dict[Log, int | None]:
        found = self.found[min(self.made, len(self.found) - 1)]
        self.now += self.step
        self.made += 1
        if isinstance(found, Exception):
            raise found
        return {
            (topic, number): None if topic == "calls" and number in found else 1
            for topic in ("sites", "calls")
            for number in range(3)
        }

    async def back(self, *partitions: int) -> int:
        """Wait for partitions; after how many looks they were back."""
        async with asyncio.timeout(PATIENCE):
            await self.leaders.wait_back(frozenset(partitions), self.reports.append)
        return self.made


async def test_who_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    told = []
    for passed, found in (
        (0, {0, 1}),
        (10, {0}),
        (4, AWAY),  # a broker that hangs was asked: nothing is known
        (4, {0, 1}),
        (60, AWAY),
        (1, {0, 1}),  # all was away, so all begins again
        (14, {0, 1}),
        (1, {0, 1}),
    ):
        looks.step, looks.found = passed, (found,)
        assert await looks.leaders.look() is (found is not AWAY)
        told.append(({*looks.leaders.led}, {*looks.leaders.given_up}))
    assert told == [
        ({2}, set()), ({1, 2}, set()), (set(), set()), ({2}, {0}),
        (set(), {0}), ({2}, set()), ({2}, set()), ({2}, {0, 1}),
    ]  # fmt: skip
    looks.leaders.close()
    await looks.leaders.look()


async def test_what_was_given_up_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, {0})
    assert await looks.leaders.wait() == {1, 2}
    assert looks.made == 16
    assert await looks.leaders.wait() == {1, 2}
    assert looks.made == 17


async def test_partitions_are_back_once_all_are_led_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, {1, 2}, {2}, set(), {1}, set())
    assert await looks.back(1, 2) == 8, "led from the fifth look on, and for three seconds"
    looks.made = 0
    assert await looks.back(1, 2) == 11, "the second time for six"


async def test_some_are_back_once_others_make_them_wait_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, {1, 2}, {2})
    assert await looks.back(1, 2) == 62


async def test_desks_of_one_outage_begin_again_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for spread in (0, 4):
        looks = Looks(monkeypatch, {1}, set())
        looks.spread = spread
        assert await looks.back(1) == 5 + spread
        looks = Looks(monkeypatch, {1, 2}, {2})
        looks.spread = spread
        assert await looks.back(1, 2) == 62 + spread, "some, once others make them wait, too"


async def test_a_broker_that_does_not_say_who_leads_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, {1}, set(), AWAY, AWAY, set())
    assert await looks.back(1) == 5


async def test_topics_that_differ_for_long_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(leaders, "_log", SimpleNamespace(warning=lambda _, **fields: told.append(fields["reason"])))
    differ = TopicsDifferError("there is no topic x")
    looks = Looks(monkeypatch, differ, differ, set())
    await looks.back(1)
    assert told == ["there is no topic x"]
    assert looks.reports[:3] == ["there is no topic x", "there is no topic x", None]
