"""The time of a partition: never back, never early (procedure.md §7; architecture.md §4).

Every decision is made at the time of its partition and states it, so that a replay of the inputs at those
times gives the same bytes. All instants are milliseconds since 1970, UTC.
"""

import time
from collections.abc import Callable
from typing import Final

from service.clock import now_ms
from streams.escalation.values import Instant

# The wall clock may be put right by so much; a larger step forward would fire deadlines early.
JUMP_MS: Final = 30_000
# The speed of a clock that is ahead while a deadline is armed, in percent of real time.
_PERCENT_WHILE_AHEAD: Final = 95
SLOWER: Final = 1 - _PERCENT_WHILE_AHEAD / 100
# A difference to the clocks of others that is worth judging by, and stating with a decision.
AHEAD_MS: Final = 1_000
# The header of a decision with its partition's ``ahead_ms``, in decimal digits; there from `AHEAD_MS` on, either way.
AHEAD_HEADER: Final = "clock.ahead_ms"


def steady_ms() -> int:
    """Milliseconds since some fixed moment; no setting of the wall clock moves it."""
    return time.monotonic_ns() // 1_000_000


def partition_time(stated: Instant, now: Instant, ahead_ms: int, sent_at: Instant) -> Instant:
    """What a partition's time was when another clock, that of a record sent at ``sent_at``, showed ``stated``.

    ``now`` is the partition's time and ``ahead_ms`` how far it is ahead of this worker's wall clock (below 0: behind).
    Where that clock was wrongly set back, the partition is not ahead of the sender's, nor behind it where that clock
    leapt: a record says how far at the most; of a partition that is behind, it says less the longer it waited. A
    partition that is ahead runs slower, so it was ahead by more before; one that is behind runs with time.
    """
    if ahead_ms < 0:
        behind_ms = min(-ahead_ms, sent_at - now) if sent_at > 0 else -ahead_ms
        return stated - behind_ms if behind_ms >= AHEAD_MS else stated
    ahead_ms = min(ahead_ms, max(now - sent_at, 0))
    if ahead_ms < AHEAD_MS:
        return stated
    return now - (now - ahead_ms - stated) * _PERCENT_WHILE_AHEAD // 100


class Clock:
    """One partition's time. It never goes back, and comes back to the wall clock from ahead of it.

    It starts at the wall clock, or at ``floor`` (the largest timestamp in the partition's state) if that is
    later: the worker before may have run ahead. While it is ahead, it stands still as long as no deadline is
    armed, and otherwise runs slower than time by `SLOWER`. A wall clock that jumps forward by more than `JUMP_MS`
    between two readings is not followed, for as long as it stays ahead; ``jumps`` counts those jumps.
    ``ahead_ms`` is how far it was ahead of the wall clock at the last reading; below 0: behind it.
    """

    __slots__ = ("_is_behind", "_last", "_last_steady", "_steady", "_wall", "ahead_ms", "jumps")

    def __init__(
        self, floor: Instant, wall: Callable[[], Instant] = now_ms, steady: Callable[[], int] = steady_ms
    ) -> None:
        self._wall = wall
        self._steady = steady
        self.jumps = 0
        self._is_behind = False
        self.follow_wall(floor)

    def now(self, *, is_armed: bool) -> Instant:
        """The time now; never before one read earlier. ``is_armed``: a deadline waits for it."""
        steady, wall = self._steady(), self._wall()
        self._last, is_behind = self._reading(steady, wall, is_armed=is_armed)
        self._last_steady = steady
        self.jumps += is_behind and not self._is_behind
        self._is_behind = is_behind
        self.ahead_ms = int(self._last) - wall
        return int(self._last)

    def follow_wall(self, floor: Instant) -> None:
        """Go by the wall clock from now on, but no earlier than ``floor``."""
        now = self._wall()
        self._last = float(max(floor, now))  # parts of a millisecond count: it is read more often
        self._last_steady = self._steady()
        self._is_behind = False
        self.ahead_ms = int(self._last) - now

    def go_on_from(self, floor: Instant, *, is_armed: bool) -> None:
        """Be no earlier than ``floor`` from now on: the worker in between, if there was one, may have run ahead."""
        steady = self._steady()
        self._last = max(self._reading(steady, self._wall(), is_armed=is_armed)[0], float(floor))
        self._last_steady = steady

    def ahead_now(self, *, is_armed: bool) -> int:
        """``ahead_ms`` as a reading of the clock would find it."""
        wall = self._wall()
        return int(self._reading(self._steady(), wall, is_armed=is_armed)[0]) - wall

    def seconds_until(self, instant: Instant, *, is_armed: bool) -> float:
        """Seconds of real time until an instant; 0 when it has come."""
        steady, wall = self._steady(), self._wall()
        time_now, is_behind = self._reading(steady, wall, is_armed=is_armed)
        left = max(instant - int(time_now), 0)
        if is_behind or not left:
            return left / 1000
        by_wall = max(instant - wall, 0)
        return (min(left / (1 - SLOWER), by_wall) if is_armed else by_wall) / 1000

    def _reading(self, steady: int, wall: Instant, *, is_armed: bool) -> tuple[float, bool]:
        """The time, and whether it is so far behind the wall clock that it does not follow."""
        passed = steady - self._last_steady
        if wall - (self._last + passed) > JUMP_MS:
            return self._last + passed, True
        return max(float(wall), self._last + passed * ((1 - SLOWER) if is_armed else 0)), False
