"""`ronde seal` from its start to its end: one session after the other, pauses that grow while something is away."""

from __future__ import annotations

import time
from typing import Final

import psycopg

from seal.commitments import SEALED
from seal.errors import AwayError, LockedError, SealError
from seal.metrics import Behind, SealMetrics
from seal.sealing import Sealing, show_lag
from seal.settings import SealConfiguration
from seal.store import Store, connect_to_seal, make_schema
from service.logs import logger
from service.metrics import AWAY
from service.pages import open_pages
from service.pauses import postgres_pause
from service.postgres import reason
from service.readiness import ProcessReadiness
from service.stopping import stopped_by_signals

_log: Final = logger(__name__)
STOP_SECONDS: Final = 4.5  # for the batch under way; it is lost with nothing


class SealProcess:
    """Run once."""

    def __init__(self, configuration: SealConfiguration) -> None:
        self._configuration = configuration
        self._metrics = SealMetrics()
        self._behind = Behind()
        self._behind.begin({(topic, number) for topic in SEALED for number in range(configuration.partitions)})
        self._readiness = ProcessReadiness(start="the seal starts")
        self._metrics.ready.set_function(lambda: not self._readiness.reasons)
        self._has_begun = self._has_session_begun = False

    def run(self) -> None:
        """Seal until SIGTERM or SIGINT. Raises `SealError` where waiting does not help."""
        settings = self._configuration.seal
        self._stopping = stopped_by_signals(STOP_SECONDS, 0)
        pages = open_pages(
            "seal", settings.pages_host, settings.pages_port, self._readiness, self._metrics.registry, SealError
        )
        _log.info("seal started", id=settings.id, pages=pages.address)
        try:
            self._sessions()
        finally:
            pages.close()
        _log.info("seal stopped")

    def _sessions(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._has_session_begun = False
            thing = why = ""
            try:
                self._session()
            except psycopg.Error as error:
                thing, why = "postgres", f"PostgreSQL cannot be used: {reason(error)}"
            except LockedError as error:
                if not self._has_begun:
                    raise
                thing, why = "postgres", f"{error}; or PostgreSQL has not noticed the end of our last session"
            except AwayError as error:
                thing, why = error.thing, str(error)
            if thing:
                longest = self._configuration.seal.longest_pause_seconds
                # One that began may have met at once what is still away, as the registry.
                is_first = self._has_session_begun and time.monotonic() - began > longest
                failures = 1 if is_first else failures + 1
                self._wait(thing, why, postgres_pause(failures, longest))

    def _session(self) -> None:
        with connect_to_seal(self._configuration.postgres) as connection:
            make_schema(connection)
            sealing = Sealing(self._configuration, Store(connection), self._metrics, self._behind)
            try:
                sealing.run(self._stopping.is_set, self._begin)
            finally:
                sealing.close()

    def _begin(self) -> None:
        self._has_begun = self._has_session_begun = True
        self._readiness.arrive("start", *AWAY)

    def _wait(self, thing: str, why: str, seconds: float) -> None:
        self._metrics.failures.labels(thing).inc()
        self._readiness.wait(thing, why)
        show_lag(self._metrics, self._behind)
        _log.warning("waiting", thing=thing, reason=why, seconds=seconds)
        self._stopping.wait(seconds)
