"""Everything that `/metrics` of `ronde partners` shows; the series of a partner are there once it is known."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from service.metrics import Family, ProcessMetrics, failures

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
OUTCOMES: Final = ("DELIVERED", "STATUS", "REDIRECT", "TIMEOUT", "UNREACHABLE", "TLS", "ADDRESS", "BROKEN")


class PartnersMetrics(ProcessMetrics):
    """The metrics of one process."""

    commands = Family(Counter, "ronde_partners_commands", "Commands stored.")
    attempts = Family(
        Counter, "ronde_partners_attempts", "Attempts to post a command, by what came of them.",
        {"partner": (), "outcome": OUTCOMES},
    )  # fmt: skip
    first_byte = Family(
        Histogram, "ronde_partners_first_byte", "From a command that was read to the first byte of its first attempt.",
        unit="seconds", buckets=_SECONDS,
    )  # fmt: skip
    pending = Family(
        Gauge, "ronde_partners_pending", "Commands not delivered yet, but tests.", {"partner": ()}, unit="commands"
    )
    pending_age = Family(
        Gauge, "ronde_partners_pending_age", "How long the oldest of them waits.", {"partner": ()}, unit="seconds"
    )
    undelivered = Family(Counter, "ronde_partners_undelivered", "AMENDs and CANCELs that operators telephone for.")
    reports = Family(Counter, "ronde_partners_reports", "Reports that Kafka has.")
    failures = failures("partners")
    ready = Family(Gauge, "ronde_partners_ready", "1 when the process is ready.")

    def know(self, partner_id: str) -> None:
        """Initialise the series of a partner."""
        for outcome in OUTCOMES:
            self.attempts.labels(partner_id, outcome)
