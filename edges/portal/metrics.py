"""Everything that the portal's `/metrics` shows, in one list: a name, its labels, what it counts.

Prometheus conventions: base units end the name, `_total` what only grows. A label has the values of an enum, never a
site or a person. Every series is initialised to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.build_info import add_build_info

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0, 2.0, 3.0)
_THINGS: Final = ("postgres", "kafka", "registry")


class PortalMetrics:
    """The metrics of one portal, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Histogram(
            "ronde_portal_request", "From a request to its answer.", unit="seconds", buckets=_SECONDS, registry=registry
        )
        self.answers = Counter("ronde_portal_answers", "Answers by class of status.", ("status",), registry=registry)
        self.changes = Counter("ronde_portal_changes", "Changes that the database holds.", registry=registry)
        self.published = Counter("ronde_portal_published", "Records passed on to Kafka.", registry=registry)
        self.waiting = Gauge("ronde_portal_outbox", "Records not passed on yet.", unit="records", registry=registry)
        self.waiting_seconds = Gauge(
            "ronde_portal_outbox_age", "How long the oldest of them waits.", unit="seconds", registry=registry
        )
        self.failures = Counter(
            "ronde_portal_failures",
            "Attempts that failed because something is away: postgres, kafka, registry.",
            ("thing",),
            registry=registry,
        )
        self.view_age = Gauge(
            "ronde_portal_view_age", "Age of the oldest partition of `readiness`.", unit="seconds", registry=registry
        )
        self.ready = Gauge("ronde_portal_ready", "1 when the portal is ready.", registry=registry)
        for thing in _THINGS:
            self.failures.labels(thing)
        for status in ("2xx", "3xx", "4xx", "5xx"):
            self.answers.labels(status)
        add_build_info(registry)
