"""A transaction that stands still ends the worker, but only when the broker is there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from streams.worker.standstill import ANSWERING_SECONDS, guard

LIMIT = 10.0


class Scene:
    """A transaction that takes longer and longer, second by second, and a broker that is away at times.

    While ``hangs``, a question is not answered before the scene is over.
    """

    def __init__(self, *, away: range = range(0), hangs: range = range(0), done_at: int | None = None) -> None:
        self.now = 0.0
        self.ended: list[float] = []
        self.over = threading.Event()
        self._away = away
        self._hangs = hangs
        self._done_at = done_at

    @property
    def seconds(self) -> float:
        self.now += 1
        if self.now >= self._seconds:
            self._passed.set()
        return self.now if self._done_at is None or self.now < self._done_at else 0.0

    def answers(self) -> bool:
        if int(self.now) in self._hangs:
            self.over.wait()
        return int(self.now) not in self._away

    async def play(self, seconds: float) -> list[float]:
        watched = guard(
            lambda: self.seconds, self.answers, LIMIT, self.ended.append, lambda: self.now, look_seconds=0,
            question_seconds=0.05 if self._hangs else 5,
        )  # fmt: skip
        task = asyncio.create_task(watched)
        self._passed, self._seconds = asyncio.Event(), seconds
        await asyncio.wait({task, asyncio.create_task(self._passed.wait())}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        return self.ended


@pytest.fixture
def hanging() -> Iterator[Scene]:
    """Questions hang until the broker has been asked for 20 seconds in vain."""
    scene = Scene(hangs=range(10, 30))
    yield scene
    scene.over.set()


def test_it_ends_when_the_broker_has_answered_for_a_while_after_its_time() -> None:
    assert asyncio.run(Scene().play(100)) == [LIMIT + ANSWERING_SECONDS]


@pytest.mark.parametrize("away", [range(5, 60), range(12, 60)])
def test_a_broker_that_is_away_is_waited_for(away: range) -> None:
    assert asyncio.run(Scene(away=away).play(100)) == [60 + ANSWERING_SECONDS]


def test_it_does_not_end_when_the_transaction_goes_on_in_time() -> None:
    assert asyncio.run(Scene(done_at=13).play(100)) == []


@pytest.mark.slow
def test_a_question_that_is_never_answered_is_given_up_and_asked_anew(hanging: Scene) -> None:
    assert asyncio.run(hanging.play(100)) == [30 + ANSWERING_SECONDS]


def test_it_asks_though_all_threads_of_the_loop_hang() -> None:
    async def play() -> list[float]:
        loop = asyncio.get_running_loop()
        for _ in range(40):  # more than the loop has
            loop.run_in_executor(None, scene.over.wait)
        try:
            return await scene.play(100)
        finally:
            scene.over.set()

    scene = Scene()
    assert asyncio.run(play()) == [LIMIT + ANSWERING_SECONDS]
