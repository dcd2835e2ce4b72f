"""A queue per account: its frames that wait for earlier ones, one behind the other, as they came.

Which frame is a repeat follows from their order. One that waits must not be overtaken by one that came later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class _AccountQueue:
    frames: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class AccountQueues:
    """Holds the queues of all accounts; those of which no frame waits take no room."""

    def __init__(self) -> None:
        self._queues: dict[str, _AccountQueue] = {}

    def __contains__(self, account: str) -> bool:
        """Whether a frame of the account waits."""
        return account in self._queues

    @asynccontextmanager
    async def wait_turn(self, account: str, until: float) -> AsyncIterator[None]:
        """Go on when it is this frame's turn, or time is over (``until``, the loop's clock).

        The next one goes on after what this frame's task does behind the block without waiting.
        """
        queue = self._queues.setdefault(account, _AccountQueue())
        queue.frames += 1
        has_turn = False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    has_turn = await queue.turn.acquire()
            yield
        finally:
            if has_turn:
                queue.turn.release()
            queue.frames -= 1
            if not queue.frames:
                del self._queues[account]
