"""Connections whose client does not finish its request: uvicorn keeps them for ever, and their sockets with them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS: Final = 30.0  # for a request's head and body, at most 64 KiB, from the first byte to the last
_UNFINISHED: Final = (h11.IDLE, h11.SEND_BODY)


class PunctualRequests(H11Protocol):
    """Uvicorn's, but closes a connection on which a request, the first one too, is not whole in time.

    Between requests uvicorn's own keep-alive counts.
    """

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin; the first request is due."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Go on with what came behind the request that is answered."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is None:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.conn.their_state not in _UNFINISHED:
            self._stop_waiting()
        elif self._ending is None:
            self._wait()

    def _wait(self) -> None:
        self._ending = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
