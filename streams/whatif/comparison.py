"""The log and what would have been: incident by incident, and summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from streams.escalation.values import Decision, Instant
from streams.whatif.play import PlayedIncident
from streams.whatif.recorded import RecordedIncident

Verdict: TypeAlias = Literal[
    "SAME",  # every decision, but for the deadlines that they state
    "OTHER_TIMES",  # other decisions or times, the same end
    "OTHER_END",  # it ends by another rule, or a guard is asked for in one of the two only
    "UNDETERMINED",
    "NOT_JUDGED",
]
_DEADLINE: Final = Decision._fields.index("deadline")
Bounds: TypeAlias = tuple[int, int]  # at least, at most


class Side(NamedTuple):
    """How an incident went: in the log, or under the other procedure as far as it is known."""

    decisions: Sequence[Decision]
    end: str | None  # the rule that closed it; None: it is open
    calls: int  # CALL commands
    guard_asked_at: Instant | None  # the first request
    first_call_at: Instant | None

    @property
    def opened_at(self) -> Instant:
        """When it was opened."""
        return self.decisions[0].at


class Incident(NamedTuple):
    """One incident; ``recorded`` None: the log has none like it, ``played`` None: there is none like it."""

    incident_id: str
    site_id: str
    verdict: Verdict
    why: str | None  # it is undetermined, or not judged
    recorded: Side | None
    played: Side | None
    guards: Bounds = (0, 0)  # played
    calls: Bounds = (0, 0)
    part_of: str | None = None  # the incident that its alert goes to here


def side(decisions: Sequence[Decision]) -> Side:
    """Sum up decisions of one incident; ids of commands say what they are (procedure.md §7)."""
    calls, asked_at, first_call_at = 0, None, None
    for decision in decisions:
        begin = len(decision.incident_id or "") + 1
        for name in decision.outputs:
            if name[begin] == "c" and name.find("-", begin) < 0:
                calls += 1
                first_call_at = decision.at if first_call_at is None else first_call_at
            elif asked_at is None and name[begin] == "d" and name.find("-r", begin) > 0:
                asked_at = decision.at
    last = decisions[-1]
    return Side(decisions, last.rule if last.phase_to == "CLOSED" else None, calls, asked_at, first_call_at)


def are_equal(recorded: Sequence[Decision], played: Sequence[Decision]) -> bool:
    """Whether all decisions are the same, but for the version of the procedure."""
    return len(recorded) == len(played) and all(
        one[:2] == other[:2] and one[3:] == other[3:] for one, other in zip(recorded, played, strict=True)
    )


def _go_alike(recorded: Sequence[Decision], played: Sequence[Decision]) -> bool:
    """Whether all decisions are the same, but for the version and the deadlines that they state."""
    return len(recorded) == len(played) and all(
        one[3:_DEADLINE] == other[3:_DEADLINE] and one[_DEADLINE + 1 :] == other[_DEADLINE + 1 :]
        for one, other in zip(recorded, played, strict=True)
    )


def judge(
    site_id: str, recorded: RecordedIncident | None, played: PlayedIncident | None, part_of: str | None
) -> Incident:
    """Compare an incident of the log with the one that was played, one of which may not exist."""
    incident_id = recorded.incident_id if recorded is not None else played.incident_id if played is not None else ""
    before = side(recorded.decisions) if recorded is not None else None
    if recorded is not None and recorded.not_judged is not None:
        return Incident(incident_id, site_id, "NOT_JUDGED", recorded.not_judged, before, None)
    if played is None:
        return Incident(incident_id, site_id, "OTHER_END", None, before, None, part_of=part_of)
    after = side(played.decisions)
    asked = int(after.guard_asked_at is not None)
    guards, calls = (asked, asked), (after.calls, after.calls)
    why = played.undetermined
    if why is not None:
        guards, calls = (asked, max(asked, int(played.may_ask))), (after.calls, after.calls + played.calls_left)
    if played.may_be_another:
        why = why or "an undetermined incident before it may not have been over"
        guards, calls = (0, guards[1]), (0, calls[1])
    verdict: Verdict = "OTHER_TIMES"
    if why is not None:
        verdict = "UNDETERMINED"
    elif before is None or before.end != after.end or (before.guard_asked_at is None) != (not asked):
        verdict = "OTHER_END"
    elif _go_alike(before.decisions, after.decisions):
        verdict = "SAME"
    return Incident(incident_id, site_id, verdict, why, before, after, guards, calls)


@dataclass(slots=True)
class Delays:
    """How long after its alert each incident's first call went out, and after its opening the guard was asked."""

    first_call: list[int] = field(default_factory=list)
    guard: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Sum:
    """The judged incidents of the log, or of the other procedure; counts of the latter have bounds."""

    ends: Counter[str] = field(default_factory=Counter)
    guards: Bounds = (0, 0)
    calls: Bounds = (0, 0)
    delays: Delays = field(default_factory=Delays)


@dataclass(slots=True)
class Comparison:
    """All incidents. ``listed`` are those that end otherwise or are undetermined, with both timelines."""

    incidents: int = 0  # of the log, judged or not
    verdicts: Counter[Verdict] = field(default_factory=Counter)  # of those, and of incidents that the log has not
    not_judged: Counter[str] = field(default_factory=Counter)  # by reason
    undetermined: Counter[str] = field(default_factory=Counter)  # by reason
    unknown_versions: set[str] = field(default_factory=set)
    additional: int = 0  # incidents that the log does not have
    more_guards: Bounds = (0, 0)
    fewer_guards: Bounds = (0, 0)
    recorded: Sum = field(default_factory=Sum)
    played: Sum = field(default_factory=Sum)
    listed: list[Incident] = field(default_factory=list)
    begin: Instant | None = None  # of the first decision
    end: Instant | None = None  # of the last

    @property
    def judged(self) -> int:
        """The incidents of the log that could be judged."""
        return self.incidents - self.verdicts["NOT_JUDGED"]

    def add(self, incident: Incident, alert_at: Instant | None) -> None:
        """Count an incident; ``alert_at`` is when Kafka got the alert that opened it."""
        self.verdicts[incident.verdict] += 1
        if incident.recorded is None:
            self.additional += 1
        else:
            self.incidents += 1
        if incident.verdict == "NOT_JUDGED":
            self.not_judged[incident.why or ""] += 1
            return
        if incident.verdict == "UNDETERMINED":
            self.undetermined[incident.why or ""] += 1
        before = int(incident.recorded is not None and incident.recorded.guard_asked_at is not None)
        low, high = incident.guards
        self.more_guards = _plus(self.more_guards, (max(low - before, 0), max(high - before, 0)))
        self.fewer_guards = _plus(self.fewer_guards, (max(before - high, 0), max(before - low, 0)))
        if incident.recorded is not None:
            calls = incident.recorded.calls
            _sum(self.recorded, incident.recorded, (before, before), (calls, calls), alert_at, is_known=True)
        if incident.played is not None:
            is_known = incident.verdict != "UNDETERMINED"
            _sum(self.played, incident.played, incident.guards, incident.calls, alert_at, is_known=is_known)
        if incident.verdict in {"OTHER_END", "UNDETERMINED"}:
            self.listed.append(incident)

    def merge(self, other: Comparison) -> None:
        """Add another partition's."""
        self.incidents += other.incidents
        self.additional += other.additional
        self.verdicts.update(other.verdicts)
        self.not_judged.update(other.not_judged)
        self.undetermined.update(other.undetermined)
        self.unknown_versions |= other.unknown_versions
        self.more_guards = _plus(self.more_guards, other.more_guards)
        self.fewer_guards = _plus(self.fewer_guards, other.fewer_guards)
        for total, part in ((self.recorded, other.recorded), (self.played, other.played)):
            total.ends.update(part.ends)
            total.guards = _plus(total.guards, part.guards)
            total.calls = _plus(total.calls, part.calls)
            total.delays.first_call += part.delays.first_call
            total.delays.guard += part.delays.guard
        self.listed += other.listed
        self.begin = min((one for one in (self.begin, other.begin) if one is not None), default=None)
        self.end = max((one for one in (self.end, other.end) if one is not None), default=None)


def _plus(one: Bounds, other: Bounds) -> Bounds:
    return one[0] + other[0], one[1] + other[1]


def _sum(total: Sum, side: Side, guards: Bounds, calls: Bounds, alert_at: Instant | None, *, is_known: bool) -> None:
    total.ends["undetermined" if not is_known else side.end or "open"] += 1
    total.guards = _plus(total.guards, guards)
    total.calls = _plus(total.calls, calls)
    if alert_at is not None and side.first_call_at is not None:
        total.delays.first_call.append(max(side.first_call_at - alert_at, 0))
    if side.guard_asked_at is not None and guards[0]:
        total.delays.guard.append(side.guard_asked_at - side.opened_at)
