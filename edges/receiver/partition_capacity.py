"""How many events of frames may be on their way to a partition at once, each a record of its own: its room.

A partition without a leader fills its own alone. A frame that tells of more events than there is room for takes all of
it, once nothing else has any. Who waits is served in turn, so that no small ones keep a large one waiting.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import Protocol


class Pausable(Protocol):
    """What a frame came by, and what reads no more while that frame waits for room."""

    def pause(self) -> None:
        """Read no more until as many `resume` as `pause` were called. Raises TimeoutError: the frame cannot wait."""

    def resume(self) -> None:
        """See `pause`."""


class PartitionCapacity:
    """The room of all partitions; ``events``: how much each has."""

    def __init__(self, events: int) -> None:
        self._most = events
        self._taken: defaultdict[int, int] = defaultdict(int)
        self._waiting: dict[int, deque[tuple[int, asyncio.Future[None]]]] = {}

    async def acquire(self, partition: int, events: int, until: float, connection: Pausable | None) -> bool:
        """Take room in a partition, which `release` gives back, and return whether it had to be waited for.

        While the frame waits its connection, where it has one, is paused. Raises TimeoutError: no room ``until`` (the
        loop's clock), or the connection cannot be paused.
        """
        needed = min(events, self._most)
        if self._waiting.get(partition) or self._taken[partition] + needed > self._most:
            await self._wait(partition, needed, until, connection)
            return True
        self._taken[partition] += needed
        return False

    async def _wait(self, partition: int, needed: int, until: float, connection: Pausable | None) -> None:
        if connection is not None:
            connection.pause()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(partition, deque()).append((needed, turn))
        try:
            async with asyncio.timeout_at(until):
                await turn
        except BaseException:
            # Its turn may have come as it gave up; if not, those behind it may need less.
            self.release(partition, needed if turn.done() and not turn.cancelled() else 0)
            raise
        finally:
            if connection is not None:
                connection.resume()

    def release(self, partition: int, events: int) -> None:
        """Give room back, as much as was acquired, to those whose turn it is."""
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
