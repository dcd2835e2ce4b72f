"""Everything that the portal's `/metrics` shows."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from service.metrics import Family, ProcessMetrics, failures

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1.0, 2.0, 3.0)


class PortalMetrics(ProcessMetrics):
    """The metrics of one portal."""

    requests = Family(
        Histogram, "ronde_portal_request", "From a request to its answer.", unit="seconds", buckets=_SECONDS
    )
    answers = Family(
        Counter, "ronde_portal_answers", "Answers by class of status.", {"status": ("2xx", "3xx", "4xx", "5xx")}
    )
    changes = Family(Counter, "ronde_portal_changes", "Changes that the database holds.")
    published = Family(Counter, "ronde_portal_published", "Records passed on to Kafka.")
    waiting = Family(Gauge, "ronde_portal_outbox", "Records not passed on yet.", unit="records")
    waiting_seconds = Family(Gauge, "ronde_portal_outbox_age", "How long the oldest of them waits.", unit="seconds")
    failures = failures("portal")
    view_age = Family(Gauge, "ronde_portal_view_age", "Age of the oldest partition of `readiness`.", unit="seconds")
    ready = Family(Gauge, "ronde_portal_ready", "1 when the portal is ready.")
