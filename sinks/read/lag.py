"""Measure how far the ledger is behind, in a thread of its own: the loop may hang in a write."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, NamedTuple

from sinks.errors import Away

if TYPE_CHECKING:
    from sinks.observe.metrics import SinkMetrics
    from sinks.observe.readiness import SinkReadiness
    from sinks.read.offsets import Offsets
    from sinks.rows.chunk import Log

_SECONDS: Final = 1.0  # between two measurements
_ASK_SECONDS: Final = 2.0
_SILENT_SECONDS: Final = 10.0  # after which a broker that does not answer makes the sink not ready


class Unread(NamedTuple):
    """The rest of a log: from which offset on, up to which it was reached, and since when (monotonic)."""

    reached: int
    since: float


class Lag:
    """Measures from `start` to `close`; logs of other topics than ``topics`` may be reached too.

    ``topics``: the name without prefix of each topic on the broker whose lag is shown.
    """

    def __init__(
        self, offsets: Offsets, topics: Mapping[str, str], readiness: SinkReadiness, metrics: SinkMetrics
    ) -> None:
        self._offsets = offsets
        self._topics = topics
        self._readiness = readiness
        self._metrics = metrics
        self._lock = Lock()
        self._reached: dict[Log, int] = {}
        self._written_at: dict[Log, float] = {}  # seconds since 1970, of each log's newest record in the ledger
        self._moved_at: dict[Log, float] = {}  # when each was last reached further
        self._ends: dict[Log, int] = {}
        self._led: frozenset[Log] = frozenset()  # those whose leaders answered the last time
        self._answered = time.monotonic()
        self._is_silent = False
        self._closing = Event()
        self._thread = Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        """Start measuring."""
        self._thread.start()

    def close(self) -> None:
        """Stop measuring."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def reach(self, reached: Mapping[Log, int], newest: Mapping[Log, int] | None = None) -> None:
        """Logs are in the ledger up to these offsets; ``newest``: the time of the last record, ms since 1970."""
        with self._lock:
            for log, offset in reached.items():
                if offset > self._reached.get(log, -1):
                    self._reached[log] = offset
                    self._moved_at[log] = time.monotonic()
            self._written_at |= {log: at / 1000 for log, at in (newest or {}).items()}

    def forget(self, logs: Iterable[Log]) -> None:
        """Remove logs that another sink has now."""
        with self._lock:
            for log in logs:
                for known in (self._reached, self._moved_at, self._written_at, self._ends):
                    known.pop(log, None)
                self._metrics.forget(self._topics[log[0]], log[1])

    def unread(self) -> dict[Log, Unread]:
        """The logs that have more than was reached, of those whose leaders answer."""
        with self._lock:
            return {
                log: Unread(self._reached[log], self._moved_at[log])
                for log in self._led
                if log in self._ends and self._ends[log] > self._reached[log]
            }

    def measure(self) -> None:
        """Ask where the logs end, and set the lag of each; by the last known end while its leader does not answer."""
        with self._lock:
            logs = list(self._reached)
        ends: dict[Log, int] = {}
        try:
            ends = self._offsets.ends(logs, _ASK_SECONDS) if logs else {}
        except Away as error:
            self._note_silence(error)
        else:
            self._note_answer()
        now = time.time()
        with self._lock:
            self._led = frozenset(ends)
            self._ends |= {log: end for log, end in ends.items() if log in self._reached}
            for log, end in self._ends.items():
                if log[0] not in self._topics:
                    continue
                labels = self._topics[log[0]], log[1]
                behind = max(end - self._reached[log], 0)
                self._metrics.lag.labels(*labels).set(behind)
                seconds = max(now - self._written_at.setdefault(log, now), 0) if behind else 0
                self._metrics.lag_seconds.labels(*labels).set(seconds)

    def _run(self) -> None:
        while not self._closing.wait(_SECONDS):
            self.measure()

    def _note_silence(self, error: Away) -> None:
        if time.monotonic() - self._answered > _SILENT_SECONDS:
            self._is_silent = True
            self._readiness.wait(error.thing, str(error))

    def _note_answer(self) -> None:
        self._answered = time.monotonic()
        if self._is_silent:
            self._is_silent = False
            self._readiness.arrive("kafka")
