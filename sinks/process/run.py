"""The sink from its start to its end: one session after the other, pauses that grow while something is away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from service.logs import logger
from service.lost_leader import PASSED_ON, Standstill
from service.pages import OperationPages
from service.pauses import postgres_pause
from service.registry import registry_of
from service.stopping import stopped_by_signals
from sinks.errors import Away, Fenced, SinkError
from sinks.observe.metrics import SinkMetrics
from sinks.observe.readiness import SinkReadiness
from sinks.process.session import Session

if TYPE_CHECKING:
    from sinks.settings import Configuration

_log = logger(__name__)

_STOP_SECONDS: Final = 10.0  # for the chunk under way; then the process ends, and loses nothing


def run(configuration: Configuration) -> None:
    """Run a sink until SIGTERM or SIGINT. Raises `SinkError`: it cannot go on, and waiting would not help."""
    sink = configuration.sink
    readiness, metrics = SinkReadiness(start="the sink starts"), SinkMetrics()
    metrics.ready.set_function(lambda: not readiness.reasons)
    try:
        pages = OperationPages(sink.host, sink.port, readiness, metrics.registry)
    except OSError as error:
        place = f"{sink.host}:{sink.port}"
        raise SinkError(
            f"the web pages cannot listen on {place}: {error.strerror}: set sink.host and sink.port"
        ) from error
    _log.info("sink started", sink=sink.id, pages=pages.address)
    try:
        _sessions(configuration, readiness, metrics, stopped_by_signals(_STOP_SECONDS, 1))
    finally:
        pages.close()
    _log.info("sink stopped")


def _sessions(
    configuration: Configuration, readiness: SinkReadiness, metrics: SinkMetrics, stopping: threading.Event
) -> None:
    registry = registry_of(configuration.registry, configuration.sink.data_dir)
    standstill = Standstill(PASSED_ON)
    failures, pause = 0, 0.0
    while not stopping.is_set():
        session = None
        try:
            session = Session(configuration, registry, standstill, readiness, metrics)
            session.run(stopping)
        except (Away, Fenced) as error:
            failures = 1 if session is not None and session.has_written else failures + 1
            pause = postgres_pause(failures, configuration.sink.longest_pause_seconds)
            _report(error, pause, readiness, metrics)
        finally:
            if session is not None:
                session.close()
        stopping.wait(pause)


def _report(error: Away | Fenced, pause: float, readiness: SinkReadiness, metrics: SinkMetrics) -> None:
    """Log and count what ended a session, and how long the pause before the next is."""
    if isinstance(error, Away):
        metrics.failures.labels(error.thing).inc()
        readiness.wait(error.thing, str(error))
        _log.warning("waiting", thing=error.thing, reason=str(error), seconds=pause)
    else:
        metrics.fenced.inc()
        readiness.wait("group", "another sink has a partition that was this one's; it joins again")
        _log.warning("another sink has the partition: joining the group again", seconds=pause)
