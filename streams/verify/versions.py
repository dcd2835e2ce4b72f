"""An incident's decisions count its versions up: one that has its version already was made twice.

It shows what no input shows: a deadline that fired twice.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streams.escalation.values import Decision

# Decisions made twice lie close to each other, so of incidents that are closed the last ones are enough.
MOST_CLOSED: Final = 100_000


class Versions:
    """The versions of one partition's incidents: of all open ones, and of those that were closed last."""

    def __init__(self, most_closed: int = MOST_CLOSED) -> None:
        self._most_closed = most_closed
        self._last: dict[str, int] = {}
        self._closed: deque[str] = deque()

    def is_known(self, decision: Decision) -> bool:
        """Take the next decision; whether its incident had a decision of its version or a later one before."""
        incident_id, version = decision.incident_id, decision.version
        if incident_id is None:
            return False
        last = self._last.get(incident_id, 0)
        if version <= last:
            return True
        self._last[incident_id] = version
        if decision.phase_to == "CLOSED":
            self._closed.append(incident_id)
            if len(self._closed) > self._most_closed:
                del self._last[self._closed.popleft()]
        return False
