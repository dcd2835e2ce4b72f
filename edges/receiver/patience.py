"""Waiting for many futures, each for so long at the most, by one timer for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

_TICK_SECONDS: Final = 0.1


class Patience:
    """``seconds``: how long each is waited for; up to a tenth of a second more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turns: deque[tuple[float, asyncio.Future[None]]] = deque()  # by their ends
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, future: asyncio.Future[Any]) -> None:
        """Return when the future is done, or time is over; the future stays as it is."""
        if future.done():
            return
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        future.add_done_callback(lambda _: _end(turn))
        self._turns.append((loop.time() + self._seconds, turn))
        if self._timer is None:
            self._timer = loop.call_later(_TICK_SECONDS, self._tick, loop)
        await turn

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._turns and (self._turns[0][1].done() or self._turns[0][0] <= now):
            _end(self._turns.popleft()[1])
        self._timer = loop.call_later(_TICK_SECONDS, self._tick, loop) if self._turns else None


def _end(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
