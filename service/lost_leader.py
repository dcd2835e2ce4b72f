"""When a client that stands still at a partition has lost sight of its leader, so that another one would do better.

After a moment in which nobody leads a partition, librdkafka may never learn of the next leader (librdkafka #5430). A
partition may as well stand still because its leader hangs, or waits for followers that do; what a client has sent it
then may yet be written, and another client could write it twice. So the leader must have answered for longer than Kafka
keeps such a follower in sync (`replica.lag.time.max.ms`, 30 s), and all that while. A client that only reads writes
nothing twice, and may give way sooner.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from schemas.contract.topics import Log

ANSWERED_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600.0
LOOK_SECONDS: Final = 5.0  # between two looks for partitions that stand still
# In a group a log that stands still is passed on: a member may be without it for so many times its patience.
PASSED_ON: Final = 20


class Standstill:
    """Judges by who stands still, as somebody reports to it again and again. Used by one thread.

    It is in no hurry until nobody has stood still for ``calm`` times its patience.
    """

    def __init__(self, calm: int = 1, answered_seconds: float | None = None) -> None:
        """``answered_seconds``: for how long a leader must have answered; by default as for one that writes."""
        self._calm = calm
        self._answered_seconds = answered_seconds
        self._since: dict[Log, float] = {}  # since when a log stands still, and its leader answers
        self._patience = self._answered
        self._looked_at = self._renewed_at = self._stood_still_at = float("-inf")

    def look(self, still: Callable[[], dict[Log, float]]) -> Log | None:
        """As `judge`, of what ``still`` returns; it is called when it is time for another look."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return None
        self._looked_at = time.monotonic()
        return self.judge(still())

    def judge(self, still: dict[Log, float]) -> Log | None:
        """A log for which another client is due; None: there is none.

        ``still``: the logs that stand still now although their leaders answer, and since when they have not moved
        (monotonic, in seconds). Who asks takes another client, which is due less and less often.
        """
        now = time.monotonic()
        if still:
            self._stood_still_at = now
        elif now - self._stood_still_at > self._calm * self._patience:
            self._patience = self._answered
        self._since = {log: max(moved_at, self._since.get(log, now)) for log, moved_at in still.items()}
        if now - self._renewed_at < self._patience:
            return None
        due = next((log for log, since in self._since.items() if now - since > self._answered), None)
        if due is not None:
            self._patience, self._renewed_at = min(2 * self._patience, LONGEST_SECONDS), now
        return due

    @property
    def _answered(self) -> float:
        return ANSWERED_SECONDS if self._answered_seconds is None else self._answered_seconds
