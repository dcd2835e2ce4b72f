"""The Faust app around the worker, and the run of it: from the command to its exit (architecture.md §2).

Faust gives the agents, the services, the web pages and the life cycle; its own Kafka is off.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
from typing import TYPE_CHECKING, cast

import faust
from aiohttp.web import TCPSite
from faust.app.base import BootStrategy
from faust.web import Web
from faust.web.drivers import aiohttp

from streams import collector, compiled, logs, pages
from streams.errors import WorkerError
from streams.health import Readiness, Stalls
from streams.metrics import Metrics
from streams.topics import Difference, differences, find
from streams.worker import Worker

if TYPE_CHECKING:
    from streams.settings import Settings

_log = logs.logger(__name__)


class TopicsDifferError(WorkerError):
    """The topics on the broker are not those of the contract; the message names each difference."""

    def __init__(self, found: list[Difference]) -> None:
        super().__init__(
            "the worker does not start on topics that differ from the contract:\n"
            + "".join(f"  {difference}\n" for difference in found)
            + "Make the missing with `ronde topics create`; `ronde topics check` says what to do about the others."
        )


class PagesError(WorkerError):
    """The web pages' address cannot be had."""


def run(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Raises:
        TopicsError: the broker cannot be reached, or does not tell of its topics.
        WorkerError: the topics differ, the pages cannot be served where they should, or the worker cannot go on.
        Exception: anything else that ended the worker; its places are logged.

    """
    found = differences(find(settings), settings)
    if found:
        raise TopicsDifferError(found)
    collector.settle()  # a client, as that which asked, must not be collected while others work, in whatever thread
    logs.configure(settings.log.format, settings.log.level)
    faulthandler.enable()  # the clients are C: if one of them crashes, the log shows where all threads were
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    procedures = [procedure.version for procedure in settings.procedures().values()]
    metrics = Metrics(procedures, settings.topics.partitions)
    readiness = Readiness(start="the worker starts")
    stalls = Stalls(settings.worker.stall_seconds)
    app = App(settings)
    pages.declare(app, readiness, stalls, metrics)
    worker = Worker(app, settings, readiness, stalls, metrics)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    try:
        await app.start()
    except OSError as error:
        where = f"{settings.worker.host}:{settings.worker.port}"
        raise PagesError(f"no web pages at {where} ({error.strerror}): set worker.host and worker.port") from error
    app.flow_control.resume()  # or nothing flows through channels
    await app.add_runtime_dependency(worker)
    _log.info("worker started", worker=settings.worker.id, pages=app.pages.address, form=compiled.form())

    worker.ended.add_done_callback(lambda _: stopped.set())
    await stopped.wait()
    _log.info("worker stops", asked_to=not worker.ended.done())
    await app.stop()
    _log.info("worker stopped", left_group=worker.ended.done())
    if worker.hangs:
        # Nobody can end its thread. What it had in hand is not committed, or all of it is.
        logging.shutdown()
        os._exit(1)
    worker.ended.result()


class _Boot(BootStrategy):
    enable_kafka = False


class App(faust.App):
    """Faust's app with its own Kafka off, its files unmade and its pages where the settings want them."""

    BootStrategy = _Boot
    mundane_level = "debug"

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.worker.group,
            broker="kafka://unused",
            datadir=str(settings.worker.data_dir),
            env={},  # Faust would take its settings from the environment, over ours
            web_stats_enabled=False,
            web_router_enabled=False,
            web_tables_enabled=False,
            web_graph_enabled=False,
        )
        self._worker = settings.worker

    async def on_first_start(self) -> None:
        """Make no folders: Faust keeps nothing here."""

    @property
    def pages(self) -> Pages:
        """The web server."""
        return cast("Pages", self.web)

    def _new_web(self) -> Web:
        return Pages(self, self._worker.host, self._worker.port)


class Pages(aiohttp.Web):
    """Faust's web server on one address; port 0 is any free one."""

    mundane_level = "debug"

    def __init__(self, app: faust.App, host: str, port: int) -> None:
        super().__init__(app)
        self._host = host
        self._port = port

    @property
    def address(self) -> str:
        """Where it listens, once it is started."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def start_server(self) -> None:
        """Listen."""
        await self._runner.setup()
        await TCPSite(self._runner, self._host, self._port).start()
