"""A worker with a client that hears no broker any more ends, but only where Kafka answers another client."""

from __future__ import annotations

import asyncio

import pytest

from service.hearing import SILENT_SECONDS
from streams.kafka import clients
from streams.worker import silent_client
from streams.worker.silent_client import FOUND_SECONDS
from tests.streams.messages import SETTINGS

STEP = 10  # seconds between two looks


class Scene:
    """A client that hears nothing from the beginning on, until ``hears_at``; Kafka is away for so long."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        away: range = range(0),
        hears_at: int = 10**6,
        asking: tuple[bool, ...] = (),
    ) -> None:
        self.now = 0
        self._away, self._hears_at = away, hears_at
        self._ended: list[float] = []
        monkeypatch.setattr(clients, "answers_as_quickly", lambda _: self.now not in self._away)
        monkeypatch.setattr(silent_client, "_LOOK_SECONDS", 0)

    def _seconds(self) -> float:
        self.now += STEP
        if self.now >= self._until:
            self._over.set()
        return self.now if self.now < self._hears_at else 0.0

    async def play(self, seconds: int) -> list[float]:
        self._until, self._over = seconds, asyncio.Event()
        watched = silent_client.guard(self._seconds, SETTINGS, self._ended.append, lambda: self.now)
        task = asyncio.create_task(watched)
        await asyncio.wait({task, asyncio.create_task(self._over.wait())}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        return self._ended


def test_it_ends_when_kafka_has_answered_another_client_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(Scene(monkeypatch).play(1000)) == [SILENT_SECONDS + FOUND_SECONDS]


def test_while_kafka_is_away_it_waits_and_then_its_clients_have_time_to_find_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = 3600
    away = range(back)
    assert asyncio.run(Scene(monkeypatch, away, hears_at=back + int(FOUND_SECONDS)).play(back + 1000)) == []
    assert asyncio.run(Scene(monkeypatch, away).play(back + 1000)) == [back + FOUND_SECONDS]


def test_a_kafka_that_goes_away_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    away = range(int(SILENT_SECONDS) + 50, int(SILENT_SECONDS) + 60)
    assert asyncio.run(Scene(monkeypatch, away).play(1000)) == [away.stop + FOUND_SECONDS]
