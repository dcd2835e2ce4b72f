"""Room per partition: so many events of frames may be on their way to Kafka, each a record of its own.

A partition without a leader fills its own alone. A frame that tells of more events than there is room for takes all of
it, once nothing else has any. Who waits is served in turn, so that no small ones keep a large one waiting.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import Protocol


class Pausable(Protocol):
    """What a frame came by, and what reads no more while that frame waits for room."""

    def hold(self) -> None:
        """Read no more until as many `release` as `hold` were called. Raises TimeoutError: the frame cannot wait."""

    def release(self) -> None:
        """See `hold`."""


class Rooms:
    """``events``: how many each partition has room for."""

    def __init__(self, events: int) -> None:
        self._most = events
        self._taken: defaultdict[int, int] = defaultdict(int)
        self._waiting: dict[int, deque[tuple[int, asyncio.Future[None]]]] = {}

    async def enter(self, partition: int, events: int, until: float, line: Pausable | None) -> bool:
        """Take room in a partition, which `leave` gives back, and return whether it had to be waited for.

        While the frame waits its line, where it has one, is held. Raises TimeoutError: no room ``until`` (the loop's
        clock), or the line cannot be held.
        """
        needed = min(events, self._most)
        if self._waiting.get(partition) or self._taken[partition] + needed > self._most:
            await self._wait(partition, needed, until, line)
            return True
        self._taken[partition] += needed
        return False

    async def _wait(self, partition: int, needed: int, until: float, line: Pausable | None) -> None:
        if line is not None:
            line.hold()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(partition, deque()).append((needed, turn))
        try:
            async with asyncio.timeout_at(until):
                await turn
        except BaseException:
            # Its turn may have come as it gave up; if not, those behind it may need less.
            self.leave(partition, needed if turn.done() and not turn.cancelled() else 0)
            raise
        finally:
            if line is not None:
                line.release()

    def leave(self, partition: int, events: int) -> None:
        """Give room back, as much as was entered with, to those whose turn it is."""
        self._taken[partition] -= min(events, self._most)
        waiting = self._waiting.get(partition)
        while waiting:
            needed, turn = waiting[0]
            if not turn.done():
                if self._taken[partition] + needed > self._most:
                    return
                self._taken[partition] += needed
                turn.set_result(None)
            waiting.popleft()
