"""The desk's metrics (docs/metrics.md)."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class DeskMetrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.view_age = Gauge(
            "ronde_desk_view_age_seconds", "How old what is read of the worst partition is.", registry=registry
        )
        self.work = Gauge(
            "ronde_desk_work_items", "Things to do, by urgency and whether somebody holds them.",
            ("urgency", "held"), registry=registry,
        )  # fmt: skip
        self.oldest = Gauge(
            "ronde_desk_oldest_unclaimed_seconds", "For how long the oldest call waits that nobody holds.",
            registry=registry,
        )  # fmt: skip
        self.open_incidents = Gauge("ronde_desk_open_incidents", "Incidents that are open.", registry=registry)
        self.forgotten = Gauge(
            "ronde_desk_forgotten_deadlines", "Incidents whose deadline passed 45 s ago without a decision.",
            registry=registry,
        )  # fmt: skip
        self.streams = Gauge("ronde_desk_event_streams", "Browsers that listen.", registry=registry)
        self.unconfirmed = Gauge(
            "ronde_desk_unconfirmed_writes", "Writes that Kafka did not confirm in time, since the start.",
            registry=registry,
        )  # fmt: skip
        self.undecodable = Gauge(
            "ronde_desk_undecodable_records", "Records that were left out as they do not decode.", registry=registry
        )
        self.ready = Gauge("ronde_desk_ready", "1 when the desk is ready.", registry=registry)
        self.words = Counter("ronde_desk_words", "Words that were judged, by verdict.", ("verdict",), registry=registry)
        for urgency in (1, 2, 3, 4):
            for held in ("yes", "no"):
                self.work.labels(urgency, held)
        for verdict in ("RIGHT", "WRONG", "DURESS"):
            self.words.labels(verdict)
