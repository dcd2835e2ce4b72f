"""Everything that `/metrics` of `ronde seal` shows."""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import Counter, Gauge

from schemas.contract.topics import Log
from seal.commitments import SEALED
from service.metrics import Family, ProcessMetrics, failures

_TOPIC: Final = {"topic": SEALED}


class SealMetrics(ProcessMetrics):
    """The metrics of one process."""

    records = Family(Counter, "ronde_seal_records", "Records sealed.", _TOPIC)
    lag = Family(
        Gauge, "ronde_seal_lag",
        "For how long a topic was not sealed to its end, of the partition that is furthest behind; 0: it is.",
        _TOPIC, unit="seconds",
    )  # fmt: skip
    missed = Family(
        Counter, "ronde_seal_missed", "Offsets that Kafka had removed before they were sealed.", _TOPIC, unit="records"
    )
    heads = Family(Counter, "ronde_seal_heads", "Heads signed.")
    head_made_at = Family(
        Gauge, "ronde_seal_head_made_at", "When the last head was signed (Unix time); 0: never.", unit="seconds"
    )
    stamps = Family(
        Counter, "ronde_seal_stamps", "Attempts to have a head stamped: stamped, failed.",
        {"outcome": ("stamped", "failed")},
    )  # fmt: skip
    erasures = Family(Counter, "ronde_seal_erasures", "Erasures carried out.")
    failures = failures("seal")
    ready = Family(Gauge, "ronde_seal_ready", "1 when the process is ready.")


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
