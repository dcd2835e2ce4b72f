"""The wallboard: what is open, what waits, how soon first calls were taken today, who is at work."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final, NamedTuple

from edges.desk.state import DAY_MS, DeskState
from edges.desk.work import WorkList

WITHIN_SECONDS: Final = (30, 60, 90, 180)


class FirstCalls(NamedTuple):
    """How many of a kind's first calls were taken within each of `WITHIN_SECONDS`, in percent."""

    kind: str
    calls: int
    shares: tuple[int, ...]


class Wall(NamedTuple):
    """What is shown."""

    open: int
    phases: list[tuple[str, int]]
    waiting: int
    oldest_seconds: int | None
    operators: list[str]
    forgotten: int
    first_calls: list[FirstCalls]


def wall(state: DeskState, work: WorkList, now: int) -> Wall:
    """Add it up."""
    phases = Counter(incident.phase for incident in state.open_incidents() if incident.phase is not None)
    waiting = [item for item in work.items.values() if item.item != "ATTENTION" and item.holder is None]
    oldest = min((item.since for item in waiting), default=None)
    operators = {hold.by for log in state.claims for hold in log.holds(now)}
    return Wall(
        open=sum(phases.values()),
        phases=sorted(phases.items()),
        waiting=len(waiting),
        oldest_seconds=None if oldest is None else max(0, (now - oldest) // 1000),
        operators=sorted(operators),
        forgotten=len(work.forgotten),
        first_calls=_first_calls(state, now),
    )


def _first_calls(state: DeskState, now: int) -> list[FirstCalls]:
    """By kind, today (UTC): from the first call's issue to the first who took it, for those that somebody took."""
    midnight = now - now % DAY_MS
    delays: defaultdict[str, list[int]] = defaultdict(list)
    for incident in state.incidents.values():
        first = incident.calls.get(f"{incident.id}-c1.1")
        if first is None or first.issued_at < midnight:
            continue
        taken_at = state.claims[incident.partition].first_taken_at(first.command_id)
        if taken_at is not None:
            delays[_kind(incident.kinds)].append(taken_at - first.issued_at)
    return [
        FirstCalls(
            kind, len(of), tuple(100 * sum(delay <= 1000 * s for delay in of) // len(of) for s in WITHIN_SECONDS)
        )
        for kind, of in sorted(delays.items())
    ]


def _kind(kinds: tuple[str, ...]) -> str:
    """The kind an incident is counted under: the most urgent one."""
    return next((kind for kind in ("HOLD_UP", "FIRE", "INTRUSION", "TAMPER") if kind in kinds), "OTHER")
