"""The time of a partition: never back, never early (procedure.md §7; architecture.md §4).

Every decision is made at the time of its partition and states it, so that a replay of the inputs at those
times gives the same bytes. All instants are milliseconds since 1970, UTC.
"""

import time
from collections.abc import Callable
from typing import Final

from streams.escalation.values import Instant

# The wall clock may be put right by so much; a larger step forward would fire deadlines early.
JUMP_MS: Final = 30_000


def wall_ms() -> Instant:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Milliseconds since some fixed moment; no setting of the wall clock moves it."""
    return time.monotonic_ns() // 1_000_000


class Clock:
    """One partition's time: the wall clock, or the time before it plus what has really passed, if that is later.

    It starts at the wall clock, or at ``floor`` (the largest timestamp in the partition's state) if that is
    later: the worker before may have run ahead. A wall clock that jumps forward by more than `JUMP_MS`
    between two readings is not followed, for as long as it stays ahead; ``jumps`` counts those jumps.
    """

    __slots__ = ("_ahead", "_last", "_last_steady", "_steady", "_wall", "jumps")

    def __init__(
        self, floor: Instant, wall: Callable[[], Instant] = wall_ms, steady: Callable[[], int] = steady_ms
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._last = max(floor, wall())
        self._last_steady = steady()
        self._ahead = False
        self.jumps = 0

    def now(self) -> Instant:
        """The time now; never before one read earlier."""
        steady = self._steady()
        passed = self._last + steady - self._last_steady
        wall = self._wall()
        if wall - passed > JUMP_MS:
            self.jumps += not self._ahead
            self._ahead = True
        else:
            self._ahead = False
            passed = max(passed, wall)
        self._last = passed
        self._last_steady = steady
        return passed

    def seconds_until(self, instant: Instant) -> float:
        """How long to wait for an instant by what really passes; 0 when it is here."""
        passed = self._last + self._steady() - self._last_steady
        return max(instant - passed, 0) / 1000
