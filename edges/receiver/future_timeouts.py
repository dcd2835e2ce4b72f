"""One timer for many futures, each of which is waited for so long at the most."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

_TICK_SECONDS: Final = 0.1


class FutureTimeouts:
    """Waits for each future for ``seconds``, up to a tenth of a second more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._futures: deque[tuple[float, asyncio.Future[None]]] = deque()  # by their ends
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, future: asyncio.Future[None]) -> None:
        """Return when the future is done; when time is over it is made so."""
        loop = asyncio.get_running_loop()
        self._futures.append((loop.time() + self._seconds, future))
        if self._timer is None:
            self._timer = loop.call_later(_TICK_SECONDS, self._tick, loop)
        await future

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        futures = self._futures
        while futures and (futures[0][1].done() or futures[0][0] <= now):
            _, future = futures.popleft()
            if not future.done():
                future.set_result(None)
        self._timer = loop.call_later(_TICK_SECONDS, self._tick, loop) if futures else None
