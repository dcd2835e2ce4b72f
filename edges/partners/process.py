"""`ronde partners` from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from edges.database.postgres import opened, pool
from edges.errors import DatabaseAwayError
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Producer
from edges.partners.addresses import reachable
from edges.partners.api_partners import ApiPartners
from edges.partners.application import application
from edges.partners.intake import Intake
from edges.partners.metrics import PartnersMetrics
from edges.partners.notices import Notices
from edges.partners.outlet import Outlet
from edges.partners.posting import Poster
from edges.partners.reports_to_kafka import Reporter
from edges.partners.sending import Sender
from edges.partners.settings import PartnersConfiguration, PartnersSettings
from edges.partners.store import Store
from edges.process import EdgeProcess, serving
from service import logs

_log: Final = logs.logger(__name__)

TOPICS: Final = ("dispatch-reports", "desk-log")
_LOOK_SECONDS: Final = 1.0
_FORGET_SECONDS: Final = 3600.0
_FORGET_AGAIN_SECONDS: Final = 60.0
_INTAKE_SECONDS: Final = 2.0  # of the 5 that a stop may take
_PRODUCER_SECONDS: Final = 1.0


class _Parts(NamedTuple):
    intake: Intake
    store: Store
    reporter: Reporter
    notices: Notices
    sending: asyncio.Task[None]
    opening: asyncio.Task[None]


class PartnersProcess(EdgeProcess[PartnersSettings, PartnersMetrics]):
    """The process that talks to partners; it is run once."""

    name = "partners"

    def __init__(self, configuration: PartnersConfiguration) -> None:
        super().__init__(
            configuration.partners,
            configuration.connection,
            PartnersMetrics(),
            postgres="PostgreSQL has not answered yet",
            kafka="it has not joined the group that reads dispatches yet",
        )
        self._configuration = configuration
        self._kafka = {"group": self._readiness.reasons["kafka"]}  # what keeps it from joining, reading, writing
        self._loop: asyncio.AbstractEventLoop
        self._wake: Callable[[], None] = lambda: None

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        configuration, settings = self._configuration, self._settings
        async with contextlib.AsyncExitStack() as stack:
            connections = await stack.enter_async_context(opened(pool(configuration.postgres, "ronde partners")))
            store = Store(connections, settings.id, configuration.connection.partitions)
            producer = Producer(configuration.connection, TOPICS)
            stack.push_async_callback(producer.stop, _PRODUCER_SECONDS)
            intake = self._intake()
            intake.start()  # first: it migrates
            stack.push_async_callback(asyncio.to_thread, intake.stop, _INTAKE_SECONDS)
            outlet = Outlet(producer)
            reporter = Reporter(store, outlet, self._metrics)
            notices = Notices(store, outlet, self._metrics)
            poster = Poster()
            stack.push_async_callback(poster.close)
            app = application(store, reporter, configuration.web, settings.public_url)
            web = await serving("partners", app, settings, configuration.web)
            stack.push_async_callback(web.stop)
            _log.info("partners listen", address=web.address)
            sender = Sender(store, poster, reporter, self._metrics, settings.public_url or reachable(web.address))
            self._wake = sender.wake
            sending = asyncio.create_task(sender.run(), name="sender")
            stack.push_async_callback(_cancelled, sending)
            opening = asyncio.create_task(self._open(producer, outlet), name="outlet")
            stack.callback(opening.cancel)
            await self._look(_Parts(intake, store, reporter, notices, sending, opening))

    async def _open(self, producer: Producer, outlet: Outlet) -> None:
        """Wait for Kafka to describe the topics, and for the registry. Webhooks and pages do not wait for either."""
        self._report("kafka", "Kafka has not described the topics yet", "writing")
        await producer.start()
        outlet.open(*await self._framing.writers(TOPICS, partial(self._report, "registry")))

    def _intake(self) -> Intake:
        decode = self._framing.reader("dispatches")
        configuration = self._configuration
        return Intake(
            configuration.connection,
            configuration.postgres,
            decode,
            ApiPartners(configuration.web.tokens_file, configuration.web.users_file),
            stored=self._stored,
            report=self._report,
        )

    def _stored(self, count: int) -> None:
        self._metrics.commands.inc(count)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._wake)

    def _report(self, thing: str, reason: str | None, activity: str = "reading") -> None:
        """Take what is away, from any thread; of Kafka, for which ``activity``."""
        if reason is not None:
            self._metrics.failures.labels(thing).inc()
        if thing in ("kafka", "group"):
            activity, thing = "group" if thing == "group" else activity, "kafka"
            if reason is None:
                self._kafka.pop(activity, None)
            else:
                self._kafka[activity] = reason
            reason = "; ".join(self._kafka.copy().values()) or None
        self._readiness.say(thing, reason)

    async def _look(self, parts: _Parts) -> None:
        """Do what is due each second, and keep gauges and readiness true. Raises when a part has ended for good."""
        forget_at = 0.0
        while True:
            if parts.intake.failure is not None:
                raise parts.intake.failure
            for task in (parts.sending, parts.opening):
                if task.done():
                    task.result()
            try:
                await parts.store.give_up()
                self._count(await parts.store.pending())
                if parts.opening.done():
                    await self._write(parts)
                if time.monotonic() >= forget_at:
                    forget_at = await _forget(parts.store)
            except DatabaseAwayError as error:
                self._report("postgres", str(error))
            else:
                self._report("postgres", None)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _write(self, parts: _Parts) -> None:
        """Write what waits for Kafka: reports also where a notice is not taken. Raises `DatabaseAwayError`."""
        reason = None
        for write in (parts.reporter.catch_up, parts.notices.write):
            try:
                await write()
            except UnconfirmedError as error:
                reason = f"Kafka takes no reports: {error}"
        self._report("kafka", reason, "writing")

    def _count(self, rows: list[dict[str, Any]]) -> None:
        now = time.time()
        for row in rows:
            partner = row["partner_id"]
            self._metrics.know(partner)
            self._metrics.pending.labels(partner).set(row["pending"])
            age = max(0.0, now - row["oldest"] / 1000) if row["oldest"] else 0.0
            self._metrics.pending_age.labels(partner).set(age)


async def _forget(store: Store) -> float:
    """Delete some of what is old; when to do it again. What keeps that from being done keeps nothing else."""
    try:
        is_more = await store.forget()
    except DatabaseAwayError as error:
        _log.warning("expired rows not deleted", reason=str(error))
        return time.monotonic() + _FORGET_AGAIN_SECONDS
    return 0.0 if is_more else time.monotonic() + _FORGET_SECONDS


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait for its end."""
    task.cancel()
    await asyncio.wait((task,))
