"""A transaction that stands still ends the worker, but only when the broker is there."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from streams.stuck import ANSWERING_SECONDS, guard
from streams.transaction import Transactions

LIMIT = 10.0


class Scene:
    """A transaction that takes longer and longer, second by second, and a broker that is away at times."""

    def __init__(self, *, away: range = range(0), done_at: int | None = None) -> None:
        self.now = 0.0
        self.ended: list[float] = []
        self._away = away
        self._done_at = done_at

    @property
    def seconds(self) -> float:
        self.now += 1
        if self.now >= self._seconds:
            self._over.set()
        return self.now if self._done_at is None or self.now < self._done_at else 0.0

    def answers(self) -> bool:
        return int(self.now) not in self._away

    async def play(self, seconds: float) -> list[float]:
        watched = guard(
            cast("Transactions", self), self.answers, LIMIT, self.ended.append, lambda: self.now, look_seconds=0
        )
        task = asyncio.create_task(watched)
        self._over, self._seconds = asyncio.Event(), seconds
        await asyncio.wait({task, asyncio.create_task(self._over.wait())}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        return self.ended


def test_it_ends_when_the_broker_has_answered_for_a_while_after_its_time() -> None:
    assert asyncio.run(Scene().play(100)) == [LIMIT + ANSWERING_SECONDS]


@pytest.mark.parametrize("away", [range(5, 60), range(12, 60)])
def test_a_broker_that_is_away_is_waited_for(away: range) -> None:
    assert asyncio.run(Scene(away=away).play(100)) == [60 + ANSWERING_SECONDS]


def test_it_does_not_end_when_the_transaction_goes_on_in_time() -> None:
    assert asyncio.run(Scene(done_at=13).play(100)) == []
