"""A web server within the loop of a process: other parts of the process run beside it, and stop it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import signal
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp

from edges.network import bound_socket
from edges.web.middleware import HEADERS
from edges.web.problems import ProblemKind
from edges.web.requests import PunctualRequests
from service.hosts import address_of
from service.stopping import end_in

PROCESS_STOP_SECONDS: Final = 5.0
STOP_SECONDS: Final = 4  # for answers under way; the process has 5 in all
_KEEP_ALIVE_SECONDS: Final = 75  # longer than a proxy keeps its connections, or it meets closed ones
_BACKLOG: Final = 512
_STARTING_SECONDS: Final = 0.01
BROKEN_REQUEST: Final = ProblemKind(400, "BROKEN_REQUEST", "This is no request of HTTP/1.1, or its head is too long.")


class WebServer:
    """One app on one address, of IPv4 or IPv6; port 0 is any free one, and ``::`` is all addresses of both."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._host = host
        self._port = port
        self._bound: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=_in_both_forms(trusted_proxies),
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )

    async def start(self) -> None:
        """Listen. Raises `OSError` when the address cannot be had."""
        logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its life is the process's own to log
        listener = bound_socket(self._host, self._port)
        self._bound = listener.getsockname()[:2]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="web server")
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(_STARTING_SECONDS)

    async def stop(self) -> None:
        """Accept nothing more, finish the answers under way, cut those that take longer than `STOP_SECONDS`.

        What never ends by itself is ended before: `Channel.close`.
        """
        if self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._task = None

    @property
    def address(self) -> str:
        """Where it listens: ``http://127.0.0.1:6071``."""
        assert self._bound is not None, "not started"
        return address_of(*self._bound)


async def stop_signal() -> None:
    """Return at SIGTERM or SIGINT; a second one ends the process as the system does."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stopping.set)
    try:
        await stopping.wait()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Do a process's work until SIGTERM, SIGINT or its own end, and raise what it ended with.

    From then on the process has `PROCESS_STOP_SECONDS`, also where a part of it hangs in its stop.
    """
    stopping = asyncio.create_task(stop_signal())
    working = asyncio.create_task(work)
    try:
        await asyncio.wait((stopping, working), return_when=asyncio.FIRST_COMPLETED)
        end_in(PROCESS_STOP_SECONDS, 0 if stopping.done() else 1)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
    finally:
        stopping.cancel()


class _Protocol(PunctualRequests):
    """Uvicorn's in time, with a problem for what is no HTTP: no app sees that."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's words
        answer = BROKEN_REQUEST.response()
        headers = [*answer.raw_headers, *((name.encode(), value.encode()) for name, value in HEADERS.items())]
        headers += [(b"cache-control", b"no-store"), (b"connection", b"close")]
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers, reason=BROKEN_REQUEST.title.encode()),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class _Server(uvicorn.Server):
    """Uvicorn's, which leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _in_both_forms(networks: Sequence[str]) -> list[str]:
    """Networks, and those of IPv4 also as a socket of both families names its peers: ``::ffff:10.0.0.0/104``."""
    parsed = map(ipaddress.ip_network, networks)
    mapped = [f"::ffff:{it.network_address}/{96 + it.prefixlen}" for it in parsed if it.version == 4]
    return [*networks, *mapped]
