"""Everything that `/metrics` of `ronde partners` shows, in one list: a name, its labels, what it counts.

Every series is initialised to 0, or `increase()` misses the first event; of a partner, once it is known.
"""

from __future__ import annotations

from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.build_info import add_build_info

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
THINGS: Final = ("postgres", "kafka", "registry")
OUTCOMES: Final = ("DELIVERED", "STATUS", "REDIRECT", "TIMEOUT", "UNREACHABLE", "TLS", "ADDRESS", "BROKEN")


class PartnersMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.commands = Counter("ronde_partners_commands", "Commands stored.", registry=registry)
        self.attempts = Counter(
            "ronde_partners_attempts",
            "Attempts to post a command, by what came of them.",
            ("partner", "outcome"),
            registry=registry,
        )
        self.first_byte = Histogram(
            "ronde_partners_first_byte",
            "From a command that was read to the first byte of its first attempt.",
            unit="seconds",
            buckets=_SECONDS,
            registry=registry,
        )
        self.pending = Gauge(
            "ronde_partners_pending",
            "Commands not delivered yet, but tests.",
            ("partner",),
            unit="commands",
            registry=registry,
        )
        self.pending_age = Gauge(
            "ronde_partners_pending_age",
            "How long the oldest of them waits.",
            ("partner",),
            unit="seconds",
            registry=registry,
        )
        self.undelivered = Counter(
            "ronde_partners_undelivered", "AMENDs and CANCELs that operators telephone for.", registry=registry
        )
        self.reports = Counter("ronde_partners_reports", "Reports that Kafka has.", registry=registry)
        self.failures = Counter(
            "ronde_partners_failures",
            "Attempts that failed because something is away: postgres, kafka, registry.",
            ("thing",),
            registry=registry,
        )
        self.ready = Gauge("ronde_partners_ready", "1 when the process is ready.", registry=registry)
        for thing in THINGS:
            self.failures.labels(thing)
        add_build_info(registry)

    def know(self, partner_id: str) -> None:
        """Initialise the series of a partner."""
        for outcome in OUTCOMES:
            self.attempts.labels(partner_id, outcome)
