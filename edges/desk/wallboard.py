"""The wallboard: what is open, what waits, how soon first calls were taken today, who is at work."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from edges.desk.incident import first_call_of
from edges.desk.state import DAY_MS, DeskState
from edges.desk.work import WorkList
from service.objectives import ObjectiveSettings, Target, counted_kind, is_met


class Goal(NamedTuple):
    """A target, and whether today meets it."""

    target: Target
    is_met: bool


class FirstCalls(NamedTuple):
    """A kind's first calls: how many, and how many of them were taken within each bound."""

    kind: str
    calls: int
    within: dict[int, int]
    goals: tuple[Goal, ...]

    def share(self, seconds: int) -> float:
        """In percent, rounded down to a tenth: a target that is missed never looks met."""
        return 1000 * self.within[seconds] // self.calls / 10


class Wall(NamedTuple):
    """What is shown."""

    open: int
    phases: list[tuple[str, int]]
    waiting: int
    oldest_seconds: int | None
    operators: list[str]
    forgotten: int
    bounds: tuple[int, ...]
    first_calls: list[FirstCalls]


def wall(state: DeskState, work: WorkList, objectives: ObjectiveSettings, now: int) -> Wall:
    """Add it up."""
    phases = Counter(incident.phase for incident in state.open_incidents() if incident.phase is not None)
    waiting = [item for item in work.items.values() if item.item != "ATTENTION" and item.holder is None]
    oldest = min((item.since for item in waiting), default=None)
    operators = {hold.by for log in state.claims for hold in log.holds(log.now(state.monotonic))}
    return Wall(
        open=sum(phases.values()),
        phases=sorted(phases.items()),
        waiting=len(waiting),
        oldest_seconds=None if oldest is None else max(0, (now - oldest) // 1000),
        operators=sorted(operators),
        forgotten=len(work.forgotten),
        bounds=objectives.bounds,
        first_calls=first_calls(state, objectives, now),
    )


def first_calls(state: DeskState, objectives: ObjectiveSettings, now: int) -> list[FirstCalls]:
    """By kind, today (UTC): from a first call's issue to who took it first.

    What nobody took but somebody answered counts by its answer, as diallers need not claim; what nobody took until it
    expired was missed. What was withdrawn before that, and what still waits, does not count.
    """
    midnight = now - now % DAY_MS
    delays: defaultdict[str, list[int | None]] = defaultdict(list)
    for incident_id, first in state.incidents.first_calls():
        if first.issued_at < midnight:
            continue
        taken_at = state.claims[first.partition].first_taken_at(first_call_of(incident_id))
        handled_at = first.answered_at if taken_at is None else taken_at
        if handled_at is not None:
            delays[counted_kind(first.kinds)].append(max(0, handled_at - first.issued_at))
        elif now >= first.expires_at and not first.is_withdrawn:
            delays[counted_kind(first.kinds)].append(None)
    return [_counted(kind, of, objectives) for kind, of in sorted(delays.items())]


def _counted(kind: str, delays: list[int | None], objectives: ObjectiveSettings) -> FirstCalls:
    within = {
        seconds: sum(delay is not None and delay <= 1000 * seconds for delay in delays) for seconds in objectives.bounds
    }
    goals = tuple(
        Goal(target, is_met(target, within[target.seconds], len(delays))) for target in objectives.targets(kind)
    )
    return FirstCalls(kind, len(delays), within, goals)
