"""The lines of every process: one event a line, with site, incident, partition and offset where it has them.

They go to stderr, as JSON or for a console. No line carries what people are called, where they live or how
they are reached: records are never logged, and of an exception only its kind and the places it passed,
because its message may quote a record. Lines that could flood are counted instead: the next one of their kind has
how many were ``left_out``, and once they have gone quiet a line of its own says so.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# So many lines of one event in so many seconds.
BURST: Final = 20
SECONDS: Final = 10.0

Logger = structlog.stdlib.BoundLogger


def configure(form: str, level: str) -> None:
    """Send structlog and the standard library's loggers (Faust, mode, librdkafka, aiohttp) through one pipe.

    ``form`` is ``json`` or ``console``; ``level`` the least that is shown (settings, log).
    """
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    last: Processor = structlog.processors.JSONRenderer() if form == "json" else console
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            _Flood(_Limit(BURST, SECONDS)),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_message, _with_left_out],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    handler.addFilter(_FloodFilter(_Limit(BURST, SECONDS)))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What they tell at "info" is how they are made, not what the worker does.
    # httpx names the address of each request, which may be a secret itself: that of a dead man's switch, of a webhook.
    for chatty in ("faust", "mode", "aiohttp", "asyncio", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))


def logger(name: str) -> Logger:
    """A logger of events: ``log.info("chunk committed", partition=3)``."""
    return structlog.stdlib.get_logger(name)


def places(error: BaseException) -> str:
    """An exception's kind and frames, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    steps = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    return f"{type(error).__name__} at {' > '.join(steps) or 'an unknown place'}"


def _without_message(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """Replace the traceback of a library's line by the places it names."""
    raised = line.pop("exc_info", None)
    if isinstance(raised, tuple) and raised[1] is not None:
        line["error"] = places(raised[1])
    return line


class _Window:
    """Counts the lines of one event within a span of time."""

    __slots__ = ("dropped", "passed", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.passed = 0
        self.dropped = 0


class _Limit:
    """Lets so many lines of an event through in so many seconds, and counts those that it does not; in any thread."""

    def __init__(self, burst: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._seconds = seconds
        self._now = now
        self._swept_at = now()
        self._windows: dict[str, _Window] = {}
        self._lock = threading.RLock()  # a signal's handler may log amid a line of its own thread

    def admit(self, event: str) -> int | None:
        """Return the number of lines left out before this one; None when this one is to be left out too."""
        with self._lock:
            now = self._now()
            window = self._windows.get(event)
            if window is None or now - window.since >= self._seconds:
                dropped = window.dropped if window is not None else 0
                window = self._windows[event] = _Window(now)
                window.passed = 1
                return dropped
            if window.passed >= self._burst:
                window.dropped += 1
                return None
            window.passed += 1
            return 0

    def ended(self) -> dict[str, int]:
        """How many lines were left out of the events that have gone quiet since; each is logged once, and forgotten."""
        with self._lock:
            now = self._now()
            if now - self._swept_at < self._seconds:
                return {}
            self._swept_at = now
            quiet = {event: window for event, window in self._windows.items() if now - window.since >= self._seconds}
            for event in quiet:
                del self._windows[event]
        return {event: window.dropped for event, window in quiet.items() if window.dropped}


class _Flood:
    """The limit for our own lines, by event; a processor of structlog's chain."""

    def __init__(self, limit: _Limit) -> None:
        self._limit = limit

    def __call__(self, _logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
        left_out = self._limit.admit(str(line.get("event")))
        _log_ended(self._limit)
        if left_out is None:
            raise structlog.DropEvent
        if left_out:
            line["left_out"] = left_out
        return line


class _FloodFilter(logging.Filter):
    """The same for lines of libraries, by how they begin: librdkafka repeats itself while a broker is away."""

    def __init__(self, limit: _Limit) -> None:
        super().__init__()
        self._limit = limit

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line goes on; structlog's own lines were counted before."""
        if isinstance(record.msg, dict):
            return True
        # Not by their template: librdkafka's is the same for all of them.
        left_out = self._limit.admit(f"{record.name}: {record.getMessage()[:60]}")
        _log_ended(self._limit)
        record.left_out = left_out
        return left_out is not None


def _log_ended(limit: _Limit) -> None:
    """Sum up a flood that is over, or nobody would know how large it was."""
    for event, left_out in limit.ended().items():
        logger(__name__).warning("lines were left out", of=event, left_out=left_out)


def _with_left_out(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """Say on a library's line how many like it were left out before."""
    if left_out := getattr(line.get("_record"), "left_out", 0):
        line["left_out"] = left_out
    return line
