"""For how long the next record of a log has waited to be taken: the lag in seconds.

Nobody reads a record to learn that. The ends of the logs are looked at every second anyway, so it is known when an
end was first seen where it is, and with it when the first record behind a position came, to a second or so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Final, NamedTuple

from schemas.contract.topics import BrokerLog
from streams.escalation.values import Instant

# Ends remembered of one log; then every second one is left out, and arrivals are known less finely.
MOST: Final = 240


class _End(NamedTuple):
    """A log's end, and when it was first seen; None: it was there at the first look at all."""

    offset: int
    seen_at: Instant | None


class Lags:
    """The ends of logs, and when each was first seen; times are the wall clock's, as the records' timestamps are."""

    def __init__(self) -> None:
        self._ends: dict[BrokerLog, deque[_End]] = {}
        self._first_look: dict[BrokerLog, Instant] = {}

    def seconds(self, log: BrokerLog, position: int, end: int, taken_at: Instant | None, now: Instant) -> float:
        """Seconds that the record at ``position`` has waited; 0 if there is none.

        ``taken_at`` is the timestamp of the last record taken from the log: what was there before the first look is
        about as old as what was just taken. One of a producer without a clock, 0 or below, says nothing.
        """
        is_first_look = log not in self._ends
        ends = self._ends.setdefault(log, deque())
        if is_first_look:
            self._first_look[log] = now
        while ends and ends[0].offset <= position:
            ends.popleft()
        if end > (ends[-1].offset if ends else position):
            ends.append(_End(end, None if is_first_look else now))
            if len(ends) > MOST:
                self._ends[log] = ends = deque((ends[0], *islice(ends, 2, None, 2)))
        if not ends:
            return 0.0
        since = ends[0].seen_at
        if since is None:
            since = self._first_look[log] if taken_at is None or taken_at <= 0 else taken_at
        return max(now - since, 0) / 1000

    def keep(self, logs: Collection[BrokerLog]) -> None:
        """Forget all other logs: they are another worker's now."""
        for log in self._ends.keys() - set(logs):
            del self._ends[log], self._first_look[log]
