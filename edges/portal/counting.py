"""Counts answers and times them, around the whole app; streams are not timed."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edges.portal.metrics import PortalMetrics


class Counting:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp, metrics: PortalMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answers.labels(f"{message['status'] // 100}xx").inc()
                self._metrics.requests.observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, counted)
