"""A chunk's counts, for the metrics once its transaction is committed, and its lines for the log.

The fields of `Tally` are the list of the metrics per chunk: another one is a field here, and the place that counts.
"""

# ruff: noqa: RUF009 - a call declares a field

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import prometheus_client

from schemas.contract.dead_letter_reasons import DEAD_LETTER_REASONS, DeadLetterReason
from schemas.contract.topics import INPUT_TOPICS
from service.metrics import Family
from streams.escalation.attention_reasons import ATTENTION_REASONS, AttentionReason
from streams.escalation.names import (
    QUARANTINE_REASONS,
    RULES,
    CallVerb,
    DispatchVerb,
    Outcome,
    ReportStatus,
)
from streams.escalation.values import Instant
from streams.observe.histogram import FAMILY, Histogram

Level: TypeAlias = Literal["info", "warning", "error"]
Raised: TypeAlias = Literal["first", "again"]

LATENCY: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 1800.0)
_RESPONSE: Final = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0, 600.0)
# A label's values that are known when a partition is held, a partner first counted, the procedures given.
LATER: Final = ()
_EVENT_TOPICS: Final = tuple(topic for topic in INPUT_TOPICS if topic != "sites")

Fact: TypeAlias = str | int | float | None


class Line(NamedTuple):
    """A log line of a chunk that is committed; ``facts`` are ids, places, names of the procedure and numbers."""

    level: Level
    event: str
    facts: Mapping[str, Fact]


def _counted(name: str, documentation: str, **labels: Sequence[str]) -> Any:
    """Declare a counter; without labels, of type `int`."""
    family = Family(prometheus_client.Counter, name, documentation, labels)
    return field(default_factory=Counter if labels else int, metadata={FAMILY: family})


def _seconds(name: str, documentation: str, buckets: Sequence[float], **labels: Sequence[str]) -> Any:
    """Declare a histogram of seconds."""
    family = Family(Histogram, name, documentation, labels, unit="seconds", buckets=buckets)
    return field(default_factory=list, metadata={FAMILY: family})


@dataclass(slots=True)
class Tally:
    """A chunk's counts, for the metrics once its transaction is committed; topics without prefix.

    A `Counter` counts by the values of its labels, in their order; a list has what a histogram observes, behind the
    values of its labels if it has any. A label's values are those known from the start, or come `LATER`.
    """

    # Conservation: each input ends in exactly one way.
    taken: Counter[tuple[str, int]] = _counted(
        "ronde_inputs", "Records taken from an input topic.", topic=INPUT_TOPICS, partition=LATER
    )
    decided: Counter[tuple[str, int]] = _counted(
        "ronde_inputs_decided", "Inputs that ended in decisions.", topic=_EVENT_TOPICS, partition=LATER
    )
    quarantined: Counter[tuple[str, int]] = _counted(
        "ronde_inputs_quarantined", "Alerts that ended in quarantine.", topic=("alerts",), partition=LATER
    )
    published: Counter[tuple[str, int]] = _counted(
        "ronde_inputs_published", "Site records that ended in a readiness record.", topic=("sites",), partition=LATER
    )
    dead_lettered: Counter[tuple[str, int, DeadLetterReason]] = _counted(
        "ronde_inputs_dead_lettered", "Inputs that ended as dead letters.",
        topic=INPUT_TOPICS, partition=LATER, reason=tuple(DEAD_LETTER_REASONS),
    )  # fmt: skip

    # What was decided, and how soon.
    decisions: Counter[tuple[str, str]] = _counted(
        "ronde_decisions", "Decisions, by rule and version of the procedure.", rule=RULES, procedure=LATER
    )
    quarantines: Counter[str] = _counted("ronde_quarantines", "Quarantined alerts.", reason=QUARANTINE_REASONS)
    attentions: Counter[tuple[AttentionReason, Raised]] = _counted(
        "ronde_attentions", "Attentions raised: for the first time, or again because nobody has seen to it.",
        reason=ATTENTION_REASONS, raised=get_args(Raised),
    )  # fmt: skip
    calling_alerts: list[Instant] = field(default_factory=list)  # Kafka timestamps of alerts that gave calls
    lateness: list[float] = _seconds(
        "ronde_deadline_lateness", "From a deadline to the decision that handled it.", LATENCY
    )
    deadlines_failed: int = _counted(
        "ronde_deadlines_failed", "Deadlines on which the core failed: handed over, or set aside."
    )
    set_aside: int = _counted("ronde_states_set_aside", "State records set aside, with an attention.")
    clock_jumps: Counter[int] = _counted(
        "ronde_clock_jumps", "Forward jumps of the wall clock that a partition did not follow.", partition=LATER
    )

    # Those who answer: contacts and partners.
    calls: Counter[CallVerb] = _counted("ronde_call_commands", "Call commands written.", action=get_args(CallVerb))
    results: Counter[Outcome] = _counted(
        "ronde_call_results", "Results of calls, ours or the customer's, by outcome; the canary's are left out.",
        outcome=get_args(Outcome),
    )  # fmt: skip
    unanswered_calls: int = _counted(
        "ronde_calls_unanswered", "Calls whose time ended without a result; the canary's are left out."
    )
    dispatches: Counter[tuple[str, DispatchVerb]] = _counted(
        "ronde_dispatch_commands", "Commands written to partners.", partner=LATER, action=get_args(DispatchVerb)
    )
    reports: Counter[tuple[str, ReportStatus]] = _counted(
        "ronde_dispatch_reports", "Reports on open dispatches.", partner=LATER, status=get_args(ReportStatus)
    )
    silences: Counter[str] = _counted(
        "ronde_dispatch_requests_unanswered", "Requests whose time ended without an answer.", partner=LATER
    )
    responses: list[tuple[str, float]] = _seconds(
        "ronde_dispatch_response",
        "From the first request of a dispatch to the partner's answer, a rejection included. Where the request was "
        "repeated, less the time by which the repeat was late, as after an outage.",
        _RESPONSE,
        partner=LATER,
    )

    lines: list[Line] = field(default_factory=list)

    def log(self, level: Level, event: str, **facts: Fact) -> None:
        """Have a line logged once the chunk is committed."""
        self.lines.append(Line(level, event, facts))

    def is_conserved(self) -> bool:
        """Whether as many inputs ended as were taken."""
        ends = (self.decided, self.quarantined, self.published, self.dead_lettered)
        return self.taken.total() == sum(end.total() for end in ends)

    def add(self, other: Tally) -> None:
        """Add another partition's part."""
        for name in _NAMES:
            if amount := getattr(other, name):
                mine = getattr(self, name)
                mine += amount
                setattr(self, name, mine)


_NAMES: Final = tuple(each.name for each in fields(Tally))
