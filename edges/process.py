"""What every process of the edges does alike: start, open its pages, work until it is stopped, and end."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Protocol, TypeVar

from starlette.types import ASGIApp

from edges.errors import EdgeError
from edges.kafka.framing import Framing
from edges.settings import Connection
from edges.web.server import WebServer, until_stopped
from edges.web.settings import WebSettings
from service.logs import logger
from service.metrics import ProcessMetrics
from service.pages import open_pages
from service.readiness import ProcessReadiness


class _Settings(Protocol):
    id: str
    pages_host: str
    pages_port: int


class _Served(Protocol):
    host: str
    port: int


S = TypeVar("S", bound=_Settings)
M = TypeVar("M", bound=ProcessMetrics)


class EdgeProcess(ABC, Generic[S, M]):
    """Run once. ``waits`` is what keeps it from being ready at its start.

    Attributes:
        name: its command, and its table of the settings.
        id_key: what its id goes by in the log.

    """

    name: ClassVar[str]
    id_key: ClassVar[str] = "id"

    def __init__(self, settings: S, connection: Connection, metrics: M, **waits: str) -> None:
        self._settings = settings
        self._connection = connection
        self._framing = Framing(connection)
        self._metrics = metrics
        self._readiness = ProcessReadiness(**waits)
        metrics.ready.set_function(lambda: not self._readiness.reasons)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises `EdgeError`."""
        log, settings = logger(type(self).__module__), self._settings
        started, stopped = f"{self.name} started", f"{self.name} stopped"
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._framing.close)
            pages = open_pages(
                self.name, settings.pages_host, settings.pages_port, self._readiness, self._metrics.registry, EdgeError
            )
            stack.callback(pages.close)
            log.info(started, **{self.id_key: settings.id}, pages=pages.address)
            await until_stopped(self._serve())
        log.info(stopped)

    @abstractmethod
    async def _serve(self) -> None:
        """Start the parts, and stop them in the order in which they need each other."""


async def serving(who: str, app: ASGIApp, settings: _Served, web: WebSettings) -> WebServer:
    """Serve an app. ``who`` does so, as "the desk". Raises `EdgeError`, which names the settings."""
    server = WebServer(app, settings.host, settings.port, trusted_proxies=web.proxies)
    try:
        await server.start()
    except OSError as error:
        table = who.removeprefix("the ")
        raise EdgeError(
            f"{who} cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            f"set {table}.host and {table}.port"
        ) from error
    return server
