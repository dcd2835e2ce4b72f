"""Who holds which call or attention: a fold of one partition of `claims`, and of nothing else (contracts.md, Claim).

The log decides. Records count in their order; the time is the greatest broker timestamp so far, and never goes back.
A hold that is over at the time of a record is over for every reader, so all of them come to the same holder, also one
that began later: each hold ends at most `LONGEST_SECONDS` after its last record. (A reader that begins amid a hold that
was renewed for longer than the topic's retention knows no holder until the next `TAKE`.)

Times are Unix milliseconds of the broker's clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from edges.values import Claim
from schemas.contract.holds import LONGEST_SECONDS

# Who held a subject once may still say what came of it; nothing that old is asked for.
REMEMBERED_MS: Final = 24 * 3600 * 1000
_SWEEP_MS: Final = 3600 * 1000

Effect: TypeAlias = Literal["TAKEN", "RENEWED", "RELEASED", "LOST", "NOTHING"]


class Hold(NamedTuple):
    """A subject in somebody's hands: ``since`` then, ``heard`` of them last, ``until`` then at the latest."""

    subject: str
    site_id: str
    incident_id: str | None
    by: str
    who: str
    since: int
    heard: int
    until: int


class ClaimLog:
    """The holders of one partition.

    Attributes:
        time: the greatest broker timestamp so far.

    """

    def __init__(self) -> None:
        self.time = 0
        self._read_at = 0.0  # when the last record was read: monotonic seconds
        self._holds: dict[str, Hold] = {}
        self._heard_at: dict[str, float] = {}  # by subject: when the last record of its hold was read
        self._ends: list[tuple[int, str]] = []  # a heap; a hold that was renewed has later entries, too
        self._held_by: dict[str, tuple[str, ...]] = {}
        self._held_at: dict[str, int] = {}
        self._last_by: dict[str, str] = {}
        self._first_taken_at: dict[str, int] = {}
        self._swept_at = 0

    def apply(self, claim: Claim, timestamp: int, read_at: float = 0.0) -> Effect:
        """Take the next record; ``timestamp`` is the broker's, ``read_at`` the reader's monotonic clock in seconds."""
        # The broker's clock may go back: a partition with such records is not quiet, and its time stands still.
        self.time, self._read_at = max(self.time, timestamp), read_at
        self._end_holds(self.time)
        self._sweep()
        hold = self._holds.get(claim.subject)
        match claim.action:
            case "TAKE" if hold is None:
                return self._hold(claim, self.time)
            case "TAKE_OVER" if hold is None or hold.by != claim.by:
                return self._hold(claim, self.time)
            case "TAKE" | "TAKE_OVER" | "RENEW" if hold is not None and hold.by == claim.by:
                self._hold(claim, hold.since)
                return "RENEWED"
            case "RELEASE" if hold is not None and hold.by == claim.by:
                del self._holds[claim.subject], self._heard_at[claim.subject], self._last_by[claim.subject]
                return "RELEASED"
            case "TAKE":
                return "LOST"
            case _:
                return "NOTHING"

    def now(self, monotonic: float) -> int:
        """The partition's time at a moment of the reader's clock: it passes while the partition is quiet."""
        return self.time + max(0, int((monotonic - self._read_at) * 1000)) if self.time else 0

    def holder(self, subject: str, now: int | None = None) -> Hold | None:
        """Who holds a subject at a time of `now`; by default by the records alone, as all readers have it."""
        hold = self._holds.get(subject)
        return hold if hold is not None and self._is_in_force(hold, now) else None

    def holds(self, now: int | None = None) -> Iterator[Hold]:
        """All that is held, as `holder` has it."""
        return (hold for hold in self._holds.values() if self._is_in_force(hold, now))

    def left(self, hold: Hold, now: int) -> int:
        """For how many ms more a hold is in force.

        While the time stands still, as the broker's clock was set back, the records end no hold. Its seconds pass all
        the same: who holds it has not been heard of for so long.
        """
        return min(hold.until - now, hold.until - hold.heard - self._unheard(hold, now))

    def silent(self, hold: Hold, now: int) -> int:
        """For how many ms a holder has not been heard of."""
        return max(now - hold.heard, self._unheard(hold, now))

    def _is_in_force(self, hold: Hold, now: int | None) -> bool:
        return hold.until > self.time if now is None else self.left(hold, now) > 0

    def _unheard(self, hold: Hold, now: int) -> int:
        """How many ms have really passed since the last record of a hold was read."""
        since = self._read_at - self._heard_at.get(hold.subject, self._read_at)
        return int(since * 1000) + max(0, now - self.time)

    def held_by(self, subject: str) -> tuple[str, ...]:
        """Everybody who ever held a subject within `REMEMBERED_MS`, the first one first."""
        return self._held_by.get(subject, ())

    def last_by(self, subject: str) -> str | None:
        """Who held a subject last and did not let go of it: their hold goes on, or has run out."""
        return self._last_by.get(subject)

    def forget_hold(self, subject: str, by: str) -> None:
        """Forget a hold that was refused to its holder after all."""
        self._held_by[subject] = tuple(known for known in self.held_by(subject) if known != by)

    def first_taken_at(self, subject: str) -> int | None:
        """When a subject was first taken; None: never, or longer ago than `REMEMBERED_MS`."""
        return self._first_taken_at.get(subject)

    def _hold(self, claim: Claim, since: int) -> Effect:
        until = self.time + 1000 * min(max(claim.seconds, 0), LONGEST_SECONDS)
        self._holds[claim.subject] = Hold(
            claim.subject, claim.site_id, claim.incident_id, claim.by, claim.who, since, self.time, until
        )
        self._heard_at[claim.subject] = self._read_at
        heapq.heappush(self._ends, (until, claim.subject))
        earlier = self._held_by.get(claim.subject, ())
        if claim.by not in earlier:
            self._held_by[claim.subject] = (*earlier, claim.by)
        self._held_at[claim.subject] = self.time
        self._last_by[claim.subject] = claim.by
        self._first_taken_at.setdefault(claim.subject, self.time)
        return "TAKEN"

    def _end_holds(self, time: int) -> None:
        while self._ends and self._ends[0][0] <= time:
            _, subject = heapq.heappop(self._ends)
            hold = self._holds.get(subject)
            if hold is not None and hold.until <= time:
                del self._holds[subject], self._heard_at[subject]

    def _sweep(self) -> None:
        """Forget who held what long ago."""
        if self.time - self._swept_at < _SWEEP_MS:
            return
        self._swept_at = self.time
        for subject in [subject for subject, at in self._held_at.items() if at < self.time - REMEMBERED_MS]:
            del self._held_at[subject], self._held_by[subject], self._first_taken_at[subject]
            self._last_by.pop(subject, None)
