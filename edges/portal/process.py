"""The portal from its start to its end.

It takes changes while PostgreSQL is there; while Kafka is away they wait in the outbox, and the pages say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Any, Final

from edges.database.postgres import opened, pool
from edges.errors import DatabaseAwayError, EdgeError
from edges.kafka.view import Reading, View
from edges.portal.application import application
from edges.portal.counting import Counting
from edges.portal.engine import EngineView
from edges.portal.metrics import PortalMetrics
from edges.portal.relay import Relay, RelaySettings
from edges.portal.service import Portal
from edges.portal.settings import PortalConfiguration, PortalSettings
from edges.portal.store import Store
from edges.process import EdgeProcess, serving
from edges.web.server import WebServer
from schemas.avro.errors import RegistryRefused, RegistryUnreachable
from service import logs

_log: Final = logs.logger(__name__)

TOPICS: Final = ("sites", "transmitters")
_LOOK_SECONDS: Final = 1.0
# Of the 5 that a stop may take: for answers under way, then for the transaction of Kafka under way.
_WEB_SECONDS: Final = 3.0
_KAFKA_SECONDS: Final = 1.5


class PortalProcess(EdgeProcess[PortalSettings, PortalMetrics]):
    """The process of a portal; it is run once."""

    name = id_key = "portal"

    def __init__(self, configuration: PortalConfiguration) -> None:
        super().__init__(
            configuration.portal,
            configuration.connection,
            PortalMetrics(),
            postgres="PostgreSQL has not answered yet",
            readiness="what the engine says is being read",
        )
        self._configuration = configuration
        self._engine = EngineView()
        decode = self._framing.reader("readiness")
        self._view = View(configuration.connection, {"readiness": Reading(decode=decode)}, self._engine.take)
        self._engine.age = self._view.age_of_key
        owner = f"{self._settings.id}-{secrets.token_hex(4)}"
        self._relay = Relay(
            RelaySettings(owner, configuration.connection, configuration.postgres),
            self._writers,
            report=self._report,
            published=self._metrics.published.inc,
        )

    async def _serve(self) -> None:
        configuration = self._configuration
        async with contextlib.AsyncExitStack() as stack:
            connections = await stack.enter_async_context(opened(pool(configuration.postgres, "ronde portal")))
            self._relay.start()
            self._view.start()
            stack.push_async_callback(self._stop_kafka)
            store = Store(connections, self._changed)
            app = application(Portal(store, self._engine, self._settings.country), configuration)
            web = await serving("the portal", Counting(app, self._metrics), self._settings, configuration.web)
            stack.push_async_callback(_stop_web, web)
            _log.info("portal listens", address=web.address)
            await self._look(store)

    async def _stop_kafka(self) -> None:
        await asyncio.gather(asyncio.to_thread(self._relay.stop, _KAFKA_SECONDS), self._view.stop())

    def _writers(self) -> dict[str, Callable[[Any], bytes]]:
        """What makes records; with a schema registry it asks there, for as long as it takes."""
        try:
            writers = {topic: self._framing.writer(topic) for topic in TOPICS}
        except RegistryUnreachable as error:
            self._report("registry", str(error))
            raise
        except RegistryRefused as error:
            raise EdgeError(str(error)) from None
        self._report("registry", None)
        return writers

    def _changed(self) -> None:
        self._metrics.changes.inc()
        self._relay.call()

    def _report(self, thing: str, reason: str | None) -> None:
        """Take what keeps the relay from its work; changes are taken without Kafka, and not without PostgreSQL."""
        if reason is not None:
            self._metrics.failures.labels(thing).inc()
        if thing == "postgres":
            self._readiness.say(thing, reason)
        elif reason is None:
            self._readiness.withdraw(thing)
        else:
            self._readiness.remark(thing, reason)

    async def _look(self, store: Store) -> None:
        """Keep gauges and readiness true. Raises when a part has ended for good."""
        while True:
            for part in (self._view, self._relay):
                if part.failure is not None:
                    raise part.failure
            if self._view.is_read:
                self._readiness.arrive("readiness")
            self._metrics.view_age.set(self._view.worst_age)
            with contextlib.suppress(DatabaseAwayError):
                waiting, seconds = await store.backlog()
                self._metrics.waiting.set(waiting)
                self._metrics.waiting_seconds.set(seconds)
            await asyncio.sleep(_LOOK_SECONDS)


async def _stop_web(web: WebServer) -> None:
    """Take nothing new, and answer what was taken, as far as that is done in time."""
    await asyncio.wait({asyncio.ensure_future(web.stop())}, timeout=_WEB_SECONDS)
