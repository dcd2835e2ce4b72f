"""What PostgreSQL is asked, each question within its time, whether or not PostgreSQL answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from edges.database.postgres import PASSING
from edges.errors import DatabaseAwayError
from service import logs
from service.postgres import reason

_log: Final = logs.logger(__name__)

R = TypeVar("R")


class Questions:
    """Those under way. ``passing``: what passes by itself beside `PASSING`."""

    def __init__(self, *passing: type[psycopg.Error]) -> None:
        self._passing: tuple[type[psycopg.Error], ...] = (*PASSING, *passing)
        self._running: set[asyncio.Task[Any]] = set()

    async def answer(self, question: Coroutine[Any, Any, R], seconds: float) -> R:
        """The answer within so many seconds. Raises `DatabaseAwayError`.

        A question that takes longer goes on by itself: cancelled, it would keep who asked for up to 10 s more, which
        psycopg gives a server that stands still to let go of it.
        """
        task = asyncio.create_task(_outcome(question))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise DatabaseAwayError("PostgreSQL has not answered in time")
        try:
            return task.result()()
        except PoolTimeout:
            raise DatabaseAwayError("PostgreSQL has not answered in time") from None
        except self._passing as error:
            _log.warning("PostgreSQL does not answer", reason=reason(error))
            raise DatabaseAwayError(reason(error)) from None


async def _outcome(question: Coroutine[Any, Any, R]) -> Callable[[], R]:
    """What returns the answer, or raises what the question ended with.

    Where nobody waits for it any more nobody raises it either, as at the end of a process, which closes the pool.
    """
    try:
        answer = await question
    except Exception as error:  # noqa: BLE001  # raised where it is awaited
        return partial(_raise, error)
    return lambda: answer


def _raise(error: Exception) -> NoReturn:
    raise error
