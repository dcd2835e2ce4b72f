"""Planned answers of an outside system: what it will send, when, and to which command.

Time is an argument (milliseconds since 1970, UTC), so that the same code answers live and in virtual time.
"""

from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple, TypeAlias

# A value of contracts.md, field by field. Outside systems share no code with ronde, so this is not the views' one.
Record: TypeAlias = dict[str, Any]


class Planned(NamedTuple):
    """An answer and its time; ``number`` keeps those of one instant in the order they were planned."""

    at: int
    number: int
    owner: str
    answer: Record


class Agenda:
    """Planned answers, each owned by the call or dispatch it belongs to."""

    def __init__(self) -> None:
        self._heap: list[Planned] = []
        self._numbers = count()

    def plan(self, at: int, owner: str, answer: Record) -> None:
        """Plan ``answer`` for the instant ``at`` (ms), unless its owner is withdrawn before."""
        heappush(self._heap, Planned(at, next(self._numbers), owner, answer))

    def withdraw(self, owner: str) -> None:
        """Drop the owner's planned answers; those sent already stand."""
        self._heap = sorted(planned for planned in self._heap if planned.owner != owner)

    def due(self, now: int) -> list[Record]:
        """Remove and return the answers that are due, in order."""
        answers = []
        while self._heap and self._heap[0].at <= now:
            answers.append(heappop(self._heap).answer)
        return answers

    def owners(self) -> set[str]:
        """The owners of planned answers."""
        return {planned.owner for planned in self._heap}

    def next_at(self) -> int | None:
        """When the next answer is due (ms); None when there is none."""
        return self._heap[0].at if self._heap else None
