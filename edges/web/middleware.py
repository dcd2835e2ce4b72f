"""What stands around every request: its id, the headers of its answer, what is logged of it.

A log line has the request's id, its method, its route as written in the code (never its path, which holds ids), its
status and its time. Lines of answers below 500 are of level debug.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edges.web.problems import INTERNAL, NOT_FOUND, UNCONFIRMED
from service import logs

_log: Final = logs.logger(__name__)

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS: Final = "max-age=31536000"


class Envelope:
    """The outermost part of an app: gives ids and headers, and turns what nobody caught into `INTERNAL`.

    An encoded slash stays within its segment of the path: the segment has U+0000 there, which `PathId` turns back.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(send, is_https=self._is_https)
        scope.setdefault("state", {})["request_id"] = exchange.id
        began = time.perf_counter()
        try:
            raw = scope.get("raw_path") or b""
            if not _is_text(raw):
                await NOT_FOUND.response()(scope, receive, exchange.send)
            else:
                if b"%2f" in raw.lower():
                    scope["path"] = "/".join(
                        unquote(part).replace("/", "\0") for part in raw.decode("ascii").split("/")
                    )
                await self._app(scope, receive, exchange.send)
        except asyncio.CancelledError:  # the server's end, after it has waited for this answer as long as it may
            if exchange.status is None:
                await UNCONFIRMED.response()(scope, receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the last resort; the log names it, the answer does not
            _log.error("a request failed", request=exchange.id, route=_route(scope), error=logs.places(error))
            if exchange.status is None:
                await INTERNAL.response()(scope, receive, exchange.send)
        finally:
            _log.debug(
                "request",
                request=exchange.id,
                method=scope["method"],
                route=_route(scope),
                status=exchange.status,
                ms=round(1000 * (time.perf_counter() - began), 1),
            )


def _is_text(path: bytes) -> bool:
    """Whether a path is UTF-8 and free of U+0000: where a server replaces what is none, ids that differ become one."""
    if b"%" not in path:
        return True
    try:
        return "\0" not in unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return False


def _route(scope: Scope) -> str | None:
    """The route's path as the code has it; None where none fits."""
    path: Any = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else None


class _Exchange:
    """One request and its answer; ``status`` is None until the answer begins."""

    def __init__(self, send: Send, *, is_https: bool) -> None:
        self.id = uuid.uuid4().hex[:16]
        self.status: int | None = None
        self._send = send
        self._is_https = is_https

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self._is_https:
                headers.setdefault("Strict-Transport-Security", HSTS)
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Request-Id"] = self.id
        await self._send(message)
