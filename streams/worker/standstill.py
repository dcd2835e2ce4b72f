"""Ends a worker of which a part waits for Kafka in vain although the broker answers: a transaction, a client.

Once a broker was away, librdkafka's calls of a transaction may wait for an answer that never comes, past any time-out
they were given (librdkafka #5456, #5511); clients that are answered no more are `silent_client.py`'s. A new process is
the way out, and a safe one: what this one had in hand is not committed. While the broker is away it is waited for,
however long that takes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from streams.runtime.own_thread import in_own_thread

_LOOK_SECONDS: Final = 1.0
# For so long the broker must have answered others: one that has just come back deserves a moment.
ANSWERING_SECONDS: Final = 5.0
# Of one question; a client that is asked for longer has a fault of its own, and the next question has a new one.
_QUESTION_SECONDS: Final = 8.0


async def guard(
    seconds: Callable[[], float],
    answers: Callable[[], bool],
    limit_seconds: float,
    end: Callable[[float], None],
    steady: Callable[[], float] = time.monotonic,
    look_seconds: float = _LOOK_SECONDS,
    question_seconds: float = _QUESTION_SECONDS,
    answering_seconds: float = ANSWERING_SECONDS,
) -> None:
    """Look again and again, and call ``end`` with the ``seconds`` that Kafka has been waited for.

    ``answers`` asks the broker, in a thread, and only when it takes longer than ``limit_seconds``. When it says nothing
    in ``question_seconds``, that counts as no answer, and its thread is left behind.
    """
    answering_since: float | None = None
    while True:
        await asyncio.sleep(look_seconds)
        taken = seconds()
        if taken < limit_seconds or not await _in_time(answers, question_seconds):
            answering_since = None
        elif answering_since is None:
            answering_since = steady()
        elif steady() - answering_since >= answering_seconds:
            end(taken)
            return


async def _in_time(ask: Callable[[], bool], seconds: float) -> bool:
    """Ask in a thread of its own; False when the answer takes too long."""
    question = in_own_thread(ask, "standstill")
    # Not `wait_for`, which in Python 3.11 forgets that it was cancelled where the answer comes at the same time.
    await asyncio.wait({question}, timeout=seconds)
    return not question.cancel() and question.result()
