"""The pages of operation of a process: `/health`, `/ready`, `/metrics`, from a thread of their own."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class Pages(NamedTuple):
    """What the pages show; each is called from the pages' thread.

    Attributes:
        unready: what keeps the process from its work, by thing; empty: it is ready.
        unhealthy: why only a restart would help; empty: it is healthy.
        before_metrics: sets the gauges that are read off the process.

    """

    metrics: CollectorRegistry
    unready: Callable[[], Mapping[str, str]]
    unhealthy: Callable[[], Mapping[str, str]] = dict
    before_metrics: Callable[[], None] = lambda: None


class PageServer:
    """A web server on one address, of IPv4 or IPv6; port 0 is any free one.

    ``::`` is all addresses: of both, where the machine has both. Raises OSError when the address cannot be had.
    """

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self._server = _Server((host, port), partial(_Handler, pages))
        Thread(target=self._server.serve_forever, name="pages", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if self._server.address_family == socket.AF_INET6 else str(host)
        return f"http://{shown}:{port}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        host, port = address
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Take IPv4 too where the address is all of IPv6's, over the system's default."""
        if self.address_family == socket.AF_INET6:
            with suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, pages: Pages, *args: Any) -> None:
        self._pages = pages
        super().__init__(*args)

    def do_GET(self) -> None:
        """One of the pages, else 404."""
        if self.path == "/health":
            reasons = dict(self._pages.unhealthy())
            self._answer_json({"healthy": not reasons} | ({"reasons": reasons} if reasons else {}), not reasons)
        elif self.path == "/ready":
            reasons = dict(self._pages.unready())
            self._answer_json({"ready": not reasons, "reasons": reasons}, not reasons)
        elif self.path == "/metrics":
            self._pages.before_metrics()
            self._answer(HTTPStatus.OK, generate_latest(self._pages.metrics), CONTENT_TYPE_LATEST)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Do not log requests."""

    def _answer_json(self, document: dict[str, Any], is_good: bool) -> None:
        self._answer(HTTPStatus.OK if is_good else HTTPStatus.SERVICE_UNAVAILABLE, json.dumps(document).encode())

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
