"""Who holds a call or an attention: the log of `claims` decides, and nothing else (contracts.md, Claim).

Every reader of a partition that applies its records in their order comes to the same holders, a restarted one too.
"""

from typing import Final, NamedTuple

LONGEST_SECONDS: Final = 120
_SWEEP_MS: Final = 1000 * LONGEST_SECONDS


class Hold(NamedTuple):
    """Who holds it, from when until when: the broker's milliseconds since 1970 (UTC). A renewal moves ``until``."""

    by: str
    since: int
    until: int


class Holds:
    """The holds of one partition.

    Attributes:
        time: the greatest timestamp of a record so far.

    """

    def __init__(self) -> None:
        self.time = 0
        self._holds: dict[str, Hold] = {}
        self._swept_at = 0

    def apply(self, subject: str, by: str, action: str, seconds: int, at: int) -> Hold | None:
        """Apply the next record, ``at`` its timestamp; the hold that it begins or renews, None where it does neither.

        A `TAKE` of what another holds, a `RENEW` or `RELEASE` by another than the holder, and an unknown action change
        nothing.
        """
        self.advance(at)
        hold = self.holder(subject)
        is_holder = hold is not None and hold.by == by
        if action == "RELEASE" and is_holder:
            del self._holds[subject]
            return None
        is_won = action == "TAKE_OVER" or (action == "TAKE" and hold is None)
        if not is_won and not (action in {"TAKE", "RENEW"} and is_holder):
            return None
        since = hold.since if hold is not None and is_holder else self.time
        renewed = Hold(by, since, self.time + 1000 * min(seconds, LONGEST_SECONDS))
        self._holds[subject] = renewed
        return renewed

    def advance(self, at: int) -> None:
        """Let the partition's time reach ``at``, the timestamp of a record; it never goes back."""
        self.time = max(self.time, at)
        if self.time - self._swept_at >= _SWEEP_MS:
            self._swept_at = self.time
            self._holds = {subject: hold for subject, hold in self._holds.items() if hold.until > self.time}

    def holder(self, subject: str, at: int = 0) -> Hold | None:
        """The hold on a subject by the records, as all readers have it.

        ``at``: at a later time of the partition, which passes while it is quiet. To ask changes nothing: a record that
        is read then may have an earlier timestamp.
        """
        hold = self._holds.get(subject)
        return hold if hold is not None and hold.until > max(self.time, at) else None
