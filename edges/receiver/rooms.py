"""Room per partition: so many frames may be on their way to Kafka. A partition without a leader fills its own alone."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol


class Held(Protocol):
    """What stops reading while its frame waits for room."""

    def hold(self) -> None:
        """Read no more."""

    def release(self) -> None:
        """Read on."""


class Rooms:
    """``frames``: how many each partition has room for."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._taken: dict[int, int] = {}
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}

    async def enter(self, partition: int, until: float, line: Held) -> bool:
        """Take room in a partition, which `leave` gives back, and return whether it had to be waited for.

        While the frame waits its line is held. Raises TimeoutError: no room ``until`` (the loop's clock).
        """
        taken = self._taken.get(partition, 0)
        if taken >= self._frames:
            await self._wait(partition, until, line)
            return True
        self._taken[partition] = taken + 1
        return False

    async def _wait(self, partition: int, until: float, line: Held) -> None:
        waiting = self._waiting.setdefault(partition, deque())
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        line.hold()
        try:
            async with asyncio.timeout_at(until):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave(partition)  # its turn came as it gave up
            raise
        finally:
            line.release()

    def leave(self, partition: int) -> None:
        """Give room back."""
        waiting = self._waiting.get(partition)
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the room passes on
                return
        self._taken[partition] -= 1
