"""The wallboard: what is open, what waits, how soon first calls were taken today, who is at work."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from typing import Final, NamedTuple

from edges.desk.incident import first_call_of
from edges.desk.state import DAY_MS, DeskState
from edges.desk.work import WorkList
from service.objectives import ObjectiveSettings, Target, counted_kind, is_met

COUNTED_SECONDS: Final = 10.0
_AT_ONCE: Final = 500  # first calls, in half a millisecond


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


class FirstCallCount:
    """The day's first calls, counted for all who ask, and not sooner again than after 10 s."""

    def __init__(self, state: DeskState, objectives: ObjectiveSettings) -> None:
        self.bounds = objectives.bounds
        self._state = state
        self._objectives = objectives
        self._turn = asyncio.Lock()
        self._rows: list[FirstCalls] = []
        self._counted_at = float("-inf")

    async def rows(self, now: int) -> list[FirstCalls]:
        """By kind."""
        async with self._turn:
            if time.monotonic() - self._counted_at >= COUNTED_SECONDS:
                self._rows = await first_calls(self._state, self._objectives, now)
                self._counted_at = time.monotonic()
            return self._rows


async def wall(state: DeskState, work: WorkList, counted: FirstCallCount, now: int) -> Wall:
    """Add it up."""
    rows = await counted.rows(now)
    phases = Counter(incident.phase for incident in state.open_incidents() if incident.phase is not None)
    waiting = [item for item in work.items.values() if item.item != "ATTENTION" and item.holder is None]
    oldest = min((item.since for item in waiting), default=None)
    holds = (hold for log in state.claims for hold in log.holds(log.now(state.monotonic)))
    operators = {hold.by for hold in holds if hold.who == "PERSON"}
    return Wall(
        open=sum(phases.values()),
        phases=sorted(phases.items()),
        waiting=len(waiting),
        oldest_seconds=None if oldest is None else max(0, (now - oldest) // 1000),
        operators=sorted(operators),
        forgotten=len(work.forgotten),
        bounds=counted.bounds,
        first_calls=rows,
    )


async def first_calls(state: DeskState, objectives: ObjectiveSettings, now: int) -> list[FirstCalls]:
    """By kind, today (UTC): from a first call's issue to who took it first.

    What nobody took but somebody answered counts by its answer, as diallers need not claim; what nobody took until it
    expired was missed. What was withdrawn before that, and what still waits, does not count. Of a whole day they are
    very many: others have their turn in between.
    """
    midnight = now - now % DAY_MS
    calls: Counter[str] = Counter()
    within: defaultdict[str, dict[int, int]] = defaultdict(lambda: dict.fromkeys(objectives.bounds, 0))
    for number, (incident_id, first) in enumerate(state.incidents.first_calls(), start=1):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        if first.issued_at < midnight:
            continue
        kind = counted_kind(first.kinds)
        taken_at = state.claims[first.partition].first_taken_at(first_call_of(incident_id))
        handled_at = first.answered_at if taken_at is None else taken_at
        if handled_at is not None:
            calls[kind] += 1
            for seconds in objectives.bounds:
                within[kind][seconds] += handled_at - first.issued_at <= 1000 * seconds
        elif now >= first.expires_at and not first.is_withdrawn:
            calls[kind] += 1
    return [_counted(kind, count, within[kind], objectives) for kind, count in sorted(calls.items())]


def _counted(kind: str, calls: int, within: dict[int, int], objectives: ObjectiveSettings) -> FirstCalls:
    goals = tuple(Goal(target, is_met(target, within[target.seconds], calls)) for target in objectives.targets(kind))
    return FirstCalls(kind, calls, within, goals)
