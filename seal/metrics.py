"""Everything that `/metrics` of `ronde seal` shows, in one list: a name, its labels, what it counts.

Every series is initialised to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

import time
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.contract.topics import Log
from seal.commitments import SEALED
from service.build_info import add_build_info

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing

_THINGS: Final = ("postgres", "kafka", "registry")
_STAMPS: Final = ("stamped", "failed")


class SealMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.records = Counter("ronde_seal_records", "Records sealed.", ("topic",), registry=registry)
        self.lag = Gauge(
            "ronde_seal_lag",
            "For how long a topic was not sealed to its end, of the partition that is furthest behind; 0: it is.",
            ("topic",),
            unit="seconds",
            registry=registry,
        )
        self.missed = Counter(
            "ronde_seal_missed",
            "Offsets that Kafka had removed before they were sealed.",
            ("topic",),
            unit="records",
            registry=registry,
        )
        self.heads = Counter("ronde_seal_heads", "Heads signed.", registry=registry)
        self.head_made_at = Gauge(
            "ronde_seal_head_made_at",
            "When the last head was signed (Unix time); 0: never.",
            unit="seconds",
            registry=registry,
        )
        self.stamps = Counter(
            "ronde_seal_stamps",
            "Attempts to have a head stamped: stamped, failed.",
            ("outcome",),
            registry=registry,
        )
        self.erasures = Counter("ronde_seal_erasures", "Erasures carried out.", registry=registry)
        self.failures = Counter(
            "ronde_seal_failures",
            "Attempts that failed because something is away: postgres, kafka, registry.",
            ("thing",),
            registry=registry,
        )
        self.ready = Gauge("ronde_seal_ready", "1 when the process is ready.", registry=registry)
        for topic in SEALED:
            self.records.labels(topic)
            self.lag.labels(topic)
            self.missed.labels(topic)
        for thing in _THINGS:
            self.failures.labels(thing)
        for outcome in _STAMPS:
            self.stamps.labels(outcome)
        add_build_info(registry)


class Behind:
    """Since when each log is not sealed to its end; steady seconds."""

    def __init__(self) -> None:
        self._since: dict[Log, float] = {}

    def begin(self, logs: set[Log]) -> None:
        """Count all as behind, as from now on where they were not."""
        now = time.monotonic()
        self._since = {log: self._since.get(log, now) for log in logs}

    def fall(self, log: Log) -> None:
        """A log has more than is sealed."""
        self._since.setdefault(log, time.monotonic())

    def reach(self, log: Log) -> None:
        """A log is sealed to its end."""
        self._since.pop(log, None)

    def seconds(self, topic: str) -> float:
        """Return for how long a topic has been behind; 0: it is not."""
        since = [at for log, at in self._since.items() if log[0] == topic]
        return time.monotonic() - min(since) if since else 0.0
