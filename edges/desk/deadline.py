"""By when a request is answered: `CONFIRM_SECONDS` after it came, however many of its steps wait for Kafka.

What takes the processor's time is not counted: Kafka is given its time all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from fastapi import Request, Response

from edges.kafka.producer import CONFIRM_SECONDS
from edges.web.problems import NOT_FOUND, UNCONFIRMED, Problem
from edges.web.routes import Route

HEAR_SECONDS: Final = 0.5  # for what need not be heard, of the time of an answer, which is there to write
_ends: Final[ContextVar[float]] = ContextVar("ends", default=float("inf"))


@contextmanager
def answered_within(seconds: float) -> Iterator[None]:
    """Have all that waits within this block end in time, together."""
    before = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(before)


def left(most: float) -> float:
    """How many seconds a step may wait: ``most``, or what is left of the request's time; outside of one, ``most``."""
    return max(0.0, min(most, _ends.get() - time.monotonic()))


@contextmanager
def uncounted() -> Iterator[None]:
    """Have what this block takes not count, as it does not wait for Kafka."""
    began = time.monotonic()
    try:
        yield
    finally:
        _ends.set(_ends.get() + time.monotonic() - began)


class TimedRoute(Route):
    """A route whose steps have the time of one answer.

    Where partitions are unread (``app.state.unread``) nobody can say that something is not there.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the others', within the time."""
        handle = super().get_route_handler()

        async def timed(request: Request) -> Response:
            with answered_within(CONFIRM_SECONDS):
                try:
                    return await handle(request)
                except Problem as problem:
                    if problem.kind is NOT_FOUND and request.app.state.unread():
                        raise UNCONFIRMED.error() from None
                    raise

        return timed
