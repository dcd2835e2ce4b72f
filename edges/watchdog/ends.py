"""Where the logs end: high watermarks, and the last stable offsets that readers get to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edges.watchdog.findings import Finding
from schemas.contract.topics import Log


@dataclass(slots=True)
class _End:
    answered_at: int
    high: int = -1
    stable: int = -1
    standing_since: int | None = None  # the stable offset stands behind the end since then
    stable_at: int = 0


class Ends:
    """The ends of all logs that are read. Each answer has the time of its question.

    Times are monotonic, in ms, so that no jump of the clock looks like silence; findings have ``ahead`` added: by how
    much the wall clock is ahead of that.
    """

    def __init__(self, logs: Iterable[Log], monotonic: int) -> None:
        self._ends = {log: _End(monotonic) for log in logs}

    def high(self, log: Log, offset: int, at: int) -> None:
        """Take a high watermark."""
        end = self._ends[log]
        end.answered_at = max(end.answered_at, at)
        end.high = offset
        if offset <= end.stable:
            end.standing_since = None

    def stable(self, log: Log, offset: int, at: int) -> None:
        """Take a last stable offset."""
        end = self._ends[log]
        has_moved = offset != end.stable
        end.stable, end.stable_at = offset, at
        if offset >= end.high:
            end.standing_since = None
        elif has_moved or end.standing_since is None:
            end.standing_since = at

    def is_blocked(self, log: Log) -> bool:
        """Whether readers do not get to the log's end, be it for a moment."""
        return self._ends[log].standing_since is not None

    def blocked(self, limit: int, ahead: int) -> Iterator[Finding]:
        """The logs whose last stable offset has stood behind their end for so long."""
        for (topic, partition), end in self._ends.items():
            if end.standing_since is not None and end.stable_at - end.standing_since >= limit:
                detail = f"{end.high - end.stable} records behind the last stable offset"
                since = end.standing_since + ahead
                yield Finding(f"{topic}-{partition}-{end.stable}", since, partition, detail=detail)

    def silent(self, monotonic: int, limit: int, ahead: int) -> Iterator[Finding]:
        """The logs whose leader has not answered for so long."""
        for (topic, partition), end in self._ends.items():
            if monotonic - end.answered_at >= limit:
                since = end.answered_at + ahead
                yield Finding(f"{topic}-{partition}", since, partition, detail="its leader does not answer")
