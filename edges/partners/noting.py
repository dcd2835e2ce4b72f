"""What came of attempts, into PostgreSQL: all that waits in one statement, so that a burst holds up nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from edges.errors import DatabaseAwayError
from service.clock import now_ms
from service.pauses import EDGE_SECONDS

if TYPE_CHECKING:
    from edges.partners.posting import Answer
    from edges.partners.store import Attempt, Store

_NOTE_MS: Final = 6_000  # with the attempt itself still within its lease


class _Waiting(NamedTuple):
    attempt: Attempt
    answer: Answer
    noted: asyncio.Future[int | None]


class Noter:
    """Notes answers; `run` must be running."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    async def note(self, attempt: Attempt, answer: Answer) -> int | None:
        """Note what came of an attempt; when the next one is due, None: there is none.

        Where PostgreSQL hesitates, try for as long as the lease may last. Raises `DatabaseAwayError`.
        """
        until = now_ms() + _NOTE_MS
        while True:
            waiting = _Waiting(attempt, answer, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            self._wake.set()
            try:
                return await waiting.noted
            except DatabaseAwayError:
                if now_ms() >= until:
                    raise
                await asyncio.sleep(EDGE_SECONDS)

    async def run(self) -> None:
        """Write for ever; cancelled at the end."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            try:
                due = await self._store.note([(waiting.attempt, waiting.answer) for waiting in batch])
            except Exception as error:  # noqa: BLE001 - who waits hears it; unwritten, all that comes after would wait
                for waiting in batch:
                    if not waiting.noted.done():
                        waiting.noted.set_exception(error)
            else:
                for waiting, at in zip(batch, due, strict=True):
                    if not waiting.noted.done():
                        waiting.noted.set_result(at)
