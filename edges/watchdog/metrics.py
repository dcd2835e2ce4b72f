"""Everything that `/metrics` of `ronde watchdog` shows."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from edges.watchdog.findings import Kind
from service.metrics import Family, ProcessMetrics

_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_KIND: Final = {"kind": tuple(Kind)}
_TAKEN: Final = {"outcome": ("taken", "failed")}


class WatchdogMetrics(ProcessMetrics):
    """All metrics of a watchdog's process."""

    findings = Family(Gauge, "ronde_watchdog_findings", "What is wrong now, by kind.", _KIND)
    began = Family(Counter, "ronde_watchdog_findings_begun", "How often a kind of finding began.", _KIND)
    webhooks = Family(Counter, "ronde_watchdog_webhooks", "Attempts to post a webhook: taken, failed.", _TAKEN)
    pings = Family(Counter, "ronde_watchdog_pings", "Pings of the dead man's switch: taken, failed.", _TAKEN)
    canary = Family(
        Histogram, "ronde_watchdog_canary", "From the canary's frame to the decision that resolves its incident.",
        unit="seconds", buckets=_SECONDS,
    )  # fmt: skip
    rounds = Family(
        Counter, "ronde_watchdog_canary_rounds",
        "Alarms of the canary: resolved in time, failed, void (Kafka was away).",
        {"outcome": ("resolved", "failed", "void")},
    )  # fmt: skip
    frames = Family(
        Counter, "ronde_watchdog_canary_frames",
        "Frames of the canary, link tests among them, that a receiver acknowledged.",
    )  # fmt: skip
    incidents = Family(Gauge, "ronde_watchdog_open_incidents", "Incidents that are open.")
    kept = Family(Gauge, "ronde_watchdog_kept", "Things remembered: open incidents, calls, inputs without an end.")
    age = Family(
        Gauge, "ronde_watchdog_age", "How old what was read is, of the partition that is furthest behind.",
        unit="seconds",
    )  # fmt: skip
    undecodable = Family(
        Gauge, "ronde_watchdog_undecodable", "Records left out, as they do not decode.", unit="records"
    )
    failures = Family(Counter, "ronde_watchdog_failures", "Attempts that failed because the registry is away.")
    ready = Family(Gauge, "ronde_watchdog_ready", "1 when the process is ready.")
