"""Who holds a call or an attention: the log of `claims` decides, and nothing else (contracts.md, Claim).

Every reader of a partition that applies its records in their order comes to the same holders, a restarted one too.
"""

from typing import Final, NamedTuple

LONGEST_SECONDS: Final = 120


class Hold(NamedTuple):
    """Times are the broker's, milliseconds since 1970 (UTC). A renewal moves ``until``."""

    by: str
    since: int
    until: int


class Holds:
    """The holds of one partition."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}
        self._now = 0

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
        since = hold.since if hold is not None and is_holder else self._now
        renewed = Hold(by, since, self._now + 1000 * min(seconds, LONGEST_SECONDS))
        self._holds[subject] = renewed
        return renewed

    def advance(self, at: int) -> None:
        """Let the partition's time reach ``at``: the greatest timestamp so far, which never goes back."""
        self._now = max(self._now, at)

    def holder(self, subject: str) -> Hold | None:
        """The hold on a subject now."""
        hold = self._holds.get(subject)
        if hold is not None and hold.until <= self._now:
            del self._holds[subject]
            return None
        return hold
