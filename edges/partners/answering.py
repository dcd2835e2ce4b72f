"""By when a request is answered: `CONFIRM_SECONDS` after it came, however many of its questions are slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from fastapi import Request, Response

from edges.kafka.producer import CONFIRM_SECONDS
from edges.web.problems import UNCONFIRMED
from edges.web.routes import Route
from service import logs

_log: Final = logs.logger(__name__)


class TimedRoute(Route):
    """A route that answers UNCONFIRMED in time, and goes on by itself: what is reported is stored, however late.

    It has no dependency that ends with the answer (``yield``), as its work may end later.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the others', within the time."""
        handle = super().get_route_handler()
        running: set[asyncio.Task[Response]] = set()  # the loop itself keeps no task

        async def timed(request: Request) -> Response:
            task = asyncio.create_task(handle(request), name="request")
            running.add(task)
            task.add_done_callback(running.discard)
            try:
                while not (await asyncio.wait((task,), timeout=CONFIRM_SECONDS))[0]:
                    if self.body_field is None or hasattr(request.state, "body_size"):  # else the client is late
                        raise UNCONFIRMED.error()
            finally:
                if not task.done():
                    task.add_done_callback(partial(_hear, request))
            return task.result()

        return timed


def _hear(request: Request, task: asyncio.Task[Response]) -> None:
    """Take the failure that nobody waits for any more; log what has no answer of its own, as if somebody did."""
    error = None if task.cancelled() else task.exception()
    answered = tuple(kind for kind in request.app.exception_handlers if isinstance(kind, type))
    if error is not None and not isinstance(error, answered):
        _log.error(
            "a request failed",
            request=request.state.request_id,
            route=request.scope["route"].path,
            error=logs.places(error),
        )
