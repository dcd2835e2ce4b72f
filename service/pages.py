"""The pages that a process is operated by: `/health`, `/ready`, `/metrics`, served by a thread of their own.

The worker serves the same ones by Faust (`streams.worker.pages`).
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from service import logs
from service.hosts import address_of
from service.readiness import ProcessReadiness

_log: Final = logs.logger(__name__)

_STOP_SECONDS: Final = 0.05  # that the thread may take to see that it is to stop
_SILENT_SECONDS: Final = 10.0  # after which a client that sends nothing, or reads nothing, has its thread no more


class OperationPages:
    """A web server on one address, of IPv4 or IPv6; port 0 is any free one.

    ``::`` is all addresses: of both, where the machine has both. Raises OSError when the address cannot be had.
    `/health` is always good: it is for processes that end by themselves when they cannot go on, and that a restart does
    not bring what they wait for. `/ready?exclude=keys` is good when nothing but ``keys`` is waited for: a probe that
    decides on the traffic of all must not fail for what concerns a part of it. It shows remarks, if there are any, too.
    ``registry`` has the metrics.
    """

    def __init__(self, host: str, port: int, readiness: ProcessReadiness, registry: CollectorRegistry) -> None:
        self._server = _Server((host, port), partial(_Handler, readiness, registry))
        Thread(target=self._server.serve_forever, args=(_STOP_SECONDS,), name="pages", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return address_of(str(host), port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def open_pages(
    part: str, host: str, port: int, readiness: ProcessReadiness, registry: CollectorRegistry, error: type[Exception]
) -> OperationPages:
    """Open the pages of a part, as ``desk``, whose table of the settings has their address.

    Raises ``error``, which names the settings, when the address cannot be had.
    """
    try:
        return OperationPages(host, port, readiness, registry)
    except OSError as refused:
        raise error(
            f"the pages cannot listen on {host}:{port}: {refused.strerror}; set {part}.pages_host and {part}.pages_port"
        ) from refused


class _Server(ThreadingHTTPServer):
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

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """Log what went wrong, as a line: the library prints it. A client that goes away is no error."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            _log.error("a page failed", error=logs.places(error))


class _Handler(BaseHTTPRequestHandler):
    timeout = _SILENT_SECONDS

    def __init__(self, readiness: ProcessReadiness, registry: CollectorRegistry, *args: Any) -> None:
        self._readiness = readiness
        self._registry = registry
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer with one of the pages, else 404."""
        path, _, query = self.path.partition("?")
        if path == "/health":
            self._answer(HTTPStatus.OK, json.dumps({"healthy": True}).encode())
        elif path == "/ready":
            shown = self._readiness.as_json(parse_qs(query).get("exclude", ()))
            status = HTTPStatus.OK if shown["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, json.dumps(shown).encode())
        elif path == "/metrics":
            self._answer(HTTPStatus.OK, generate_latest(self._registry), CONTENT_TYPE_LATEST)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so in the library
        """Log no request."""

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
