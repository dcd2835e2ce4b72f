"""The desk's metrics (docs/metrics.md)."""

from __future__ import annotations

from collections.abc import Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge

from service.build_info import add_build_info
from service.objectives import COUNTED_KINDS, ObjectiveSettings

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing


class DeskMetrics:
    """All of them, in a registry of their own."""

    def __init__(self, objectives: ObjectiveSettings | None = None) -> None:
        objectives = objectives or ObjectiveSettings()
        self._bounds = objectives.bounds
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
        self.first_calls = Gauge(
            "ronde_desk_first_calls", "First calls of today (UTC) that were taken, or missed, by kind.",
            ("kind",), registry=registry,
        )  # fmt: skip
        self.first_calls_within = Gauge(
            "ronde_desk_first_calls_within", "Of these, how many were taken within so many seconds.",
            ("kind", "seconds"), registry=registry,
        )  # fmt: skip
        self.objective = Gauge(
            "ronde_desk_objective_ratio", "Which share of a kind's first calls is to be taken within so many seconds.",
            ("kind", "seconds"), registry=registry,
        )  # fmt: skip
        self.words = Counter("ronde_desk_words", "Words that were judged, by verdict.", ("verdict",), registry=registry)
        add_build_info(registry)
        for kind in COUNTED_KINDS:
            self.first_calls.labels(kind)
            for seconds in objectives.bounds:
                self.first_calls_within.labels(kind, seconds)
            for target in objectives.targets(kind):
                self.objective.labels(kind, target.seconds).set(target.percent / 100)
        for urgency in (1, 2, 3, 4):
            for held in ("yes", "no"):
                self.work.labels(urgency, held)
        for verdict in ("RIGHT", "WRONG", "DURESS"):
            self.words.labels(verdict)

    def count_first_calls(self, calls: Mapping[str, tuple[int, Mapping[int, int]]]) -> None:
        """Set today's first calls: by kind, how many, and how many within each bound. A kind without any has none."""
        for kind in COUNTED_KINDS:
            count, within = calls.get(kind, (0, {}))
            self.first_calls.labels(kind).set(count)
            for seconds in self._bounds:
                self.first_calls_within.labels(kind, seconds).set(within.get(seconds, 0))
