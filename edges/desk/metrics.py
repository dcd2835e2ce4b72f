"""The desk's metrics (docs/metrics.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter, Gauge

from schemas.contract.alert_kinds import BY_URGENCY
from service.metrics import Family, ProcessMetrics
from service.objectives import ObjectiveSettings

_BOUNDS: Final[Mapping[str, tuple[str, ...]]] = {"kind": BY_URGENCY, "seconds": ()}  # the objectives' own


class DeskMetrics(ProcessMetrics):
    """All of them."""

    view_age = Family(Gauge, "ronde_desk_view_age_seconds", "How old what is read of the worst partition is.")
    work = Family(
        Gauge, "ronde_desk_work_items", "Things to do, by urgency and whether somebody holds them.",
        {"urgency": ("1", "2", "3", "4"), "held": ("yes", "no")},
    )  # fmt: skip
    oldest = Family(
        Gauge, "ronde_desk_oldest_unclaimed_seconds",
        "For how long the oldest call waits that nobody holds; without calls of partitions that are not read.",
    )  # fmt: skip
    open_incidents = Family(Gauge, "ronde_desk_open_incidents", "Incidents that are open.")
    forgotten = Family(
        Gauge, "ronde_desk_forgotten_deadlines", "Incidents whose deadline passed 45 s ago without a decision."
    )
    streams = Family(Gauge, "ronde_desk_event_streams", "Browsers that listen.")
    unconfirmed = Family(
        Gauge, "ronde_desk_unconfirmed_writes", "Writes that Kafka did not confirm in time, since the start."
    )
    undecodable = Family(Gauge, "ronde_desk_undecodable_records", "Records that were left out as they do not decode.")
    ready = Family(Gauge, "ronde_desk_ready", "1 when the desk is ready.")
    first_calls = Family(
        Gauge, "ronde_desk_first_calls", "First calls of today (UTC) that were taken, or missed, by kind.",
        {"kind": BY_URGENCY},
    )  # fmt: skip
    first_calls_within = Family(
        Gauge, "ronde_desk_first_calls_within", "Of these, how many were taken within so many seconds.", _BOUNDS
    )
    objective = Family(
        Gauge, "ronde_desk_objective_ratio",
        "Which share of a kind's first calls is to be taken within so many seconds.", _BOUNDS,
    )  # fmt: skip
    words = Family(
        Counter, "ronde_desk_words", "Words that were judged, by verdict.", {"verdict": ("RIGHT", "WRONG", "DURESS")}
    )

    def __init__(self, objectives: ObjectiveSettings | None = None) -> None:
        super().__init__()
        objectives = objectives or ObjectiveSettings()
        self._bounds = objectives.bounds
        for kind in BY_URGENCY:
            for seconds in objectives.bounds:
                self.first_calls_within.labels(kind, seconds)
            for target in objectives.targets(kind):
                self.objective.labels(kind, target.seconds).set(target.percent / 100)

    def count_first_calls(self, calls: Mapping[str, tuple[int, Mapping[int, int]]]) -> None:
        """Set today's first calls: by kind, how many, and how many within each bound. A kind without any has none."""
        for kind in BY_URGENCY:
            count, within = calls.get(kind, (0, {}))
            self.first_calls.labels(kind).set(count)
            for seconds in self._bounds:
                self.first_calls_within.labels(kind, seconds).set(within.get(seconds, 0))
