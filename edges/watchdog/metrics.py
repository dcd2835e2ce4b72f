"""Everything that `/metrics` of `ronde watchdog` shows, in one list: a name, its labels, what it counts.

Every series is initialised to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from edges.watchdog.findings import Kind
from service.build_info import add_build_info

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing

_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
TAKEN: Final = ("taken", "failed")
ROUNDS: Final = ("resolved", "failed", "void")


class WatchdogMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.findings = Gauge("ronde_watchdog_findings", "What is wrong now, by kind.", ("kind",), registry=registry)
        self.began = Counter(
            "ronde_watchdog_findings_begun", "How often a kind of finding began.", ("kind",), registry=registry
        )
        self.webhooks = Counter(
            "ronde_watchdog_webhooks", "Attempts to post a webhook: taken, failed.", ("outcome",), registry=registry
        )
        self.pings = Counter(
            "ronde_watchdog_pings",
            "Pings of the dead man's switch: taken, failed.",
            ("outcome",),
            registry=registry,
        )
        self.canary = Histogram(
            "ronde_watchdog_canary",
            "From the canary's frame to the decision that resolves its incident.",
            unit="seconds",
            buckets=_SECONDS,
            registry=registry,
        )
        self.rounds = Counter(
            "ronde_watchdog_canary_rounds",
            "Alarms of the canary: resolved in time, failed, void (Kafka was away).",
            ("outcome",),
            registry=registry,
        )
        self.incidents = Gauge("ronde_watchdog_open_incidents", "Incidents that are open.", registry=registry)
        self.kept = Gauge(
            "ronde_watchdog_kept", "Things remembered: open incidents, calls, inputs without an end.", registry=registry
        )
        self.age = Gauge(
            "ronde_watchdog_age",
            "How old what was read is, of the partition that is furthest behind.",
            unit="seconds",
            registry=registry,
        )
        self.undecodable = Gauge(
            "ronde_watchdog_undecodable", "Records left out, as they do not decode.", unit="records", registry=registry
        )
        self.failures = Counter(
            "ronde_watchdog_failures", "Attempts that failed because the registry is away.", registry=registry
        )
        self.ready = Gauge("ronde_watchdog_ready", "1 when the process is ready.", registry=registry)
        for kind in Kind:
            self.findings.labels(kind.value)
            self.began.labels(kind.value)
        for outcome in TAKEN:
            self.webhooks.labels(outcome)
            self.pings.labels(outcome)
        for outcome in ROUNDS:
            self.rounds.labels(outcome)
        add_build_info(registry)
