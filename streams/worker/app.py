"""The Faust app around the worker, and the run of it: from the command to its exit (architecture.md §2).

Faust gives the agents, the services, the web pages and the life cycle; its own Kafka is off.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

import faust
from aiohttp.web import TCPSite
from faust.app.base import BootStrategy
from faust.web import Web
from faust.web.drivers import aiohttp

from service import gc_control, logs
from service.hosts import address_of
from service.readiness import ProcessReadiness, Stalls
from streams.observe.metrics import Metrics
from streams.runtime import native_form
from streams.runtime.errors import WorkerError
from streams.worker import pages, preflight
from streams.worker.worker import Worker

if TYPE_CHECKING:
    from streams.settings import Settings

_log = logs.logger(__name__)


class WorkerPagesError(WorkerError):
    """The web pages' address cannot be had."""


def run(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Raises:
        BrokerError: the broker refuses, or does not allow what a worker does.
        WorkerError: the topics differ, the pages cannot be served where they should, or the worker cannot go on.
        Exception: anything else that ended the worker; its places are logged.

    """
    away = preflight.check(settings)  # before there are pages and a log: a mistake is one line
    logs.configure(settings.log.format, settings.log.level)
    faulthandler.enable()  # the clients are C: if one of them crashes, the log shows where all threads were
    asyncio.run(_serve(settings, away))


async def _serve(settings: Settings, away: str | None) -> None:
    procedures = [procedure.version for procedure in settings.procedures().values()]
    metrics = Metrics(procedures, settings.topics.partitions)
    readiness = ProcessReadiness(start="the worker starts")
    stalls = Stalls(settings.worker.stall_seconds)
    app = App(settings)
    pages.declare(app, readiness, stalls, metrics)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    try:
        await app.start()
    except OSError as error:
        where = f"{settings.worker.host}:{settings.worker.port}"
        raise WorkerPagesError(
            f"no web pages at {where} ({error.strerror}): set worker.host and worker.port"
        ) from error
    app.flow_control.resume()  # or nothing flows through channels
    _log.info("worker started", worker=settings.worker.id, pages=app.pages.address, form=native_form.form())
    try:
        if away is not None and not await _is_done(preflight.wait(settings, readiness, away), stopped):
            _log.info("worker stops", asked_to=True)
            return
        gc_control.collect_between_chunks()
        worker = Worker(app, settings, readiness, stalls, metrics)
        await app.add_runtime_dependency(worker)
        worker.ended.add_done_callback(lambda _: stopped.set())
        await stopped.wait()
        _log.info("worker stops", asked_to=not worker.ended.done())
    finally:
        await app.stop()
    _log.info("worker stopped", left_group=worker.ended.done() and not worker.hangs)
    if worker.hangs:
        # Nobody can end its thread. What it had in hand is not committed, or all of it is.
        logging.shutdown()
        os._exit(1)
    worker.ended.result()


async def _is_done(coming: Coroutine[Any, Any, None], stopped: asyncio.Event) -> bool:
    """Wait for something; False: the worker was asked to stop before it came. Raises what it raises."""
    waiting, stopping = asyncio.create_task(coming), asyncio.create_task(stopped.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not waiting.done():
        waiting.cancel()
        return False
    waiting.result()
    return True


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
    def pages(self) -> WorkerPages:
        """The web server."""
        return cast("WorkerPages", self.web)

    def _new_web(self) -> Web:
        return WorkerPages(self, self._worker.host, self._worker.port)


class WorkerPages(aiohttp.Web):
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
        return address_of(host, port)

    async def start_server(self) -> None:
        """Listen."""
        await self._runner.setup()
        await TCPSite(self._runner, self._host, self._port).start()
