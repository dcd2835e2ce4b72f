"""How far each log was read, and which stand still although there is more.

After a moment in which nobody leads a partition, librdkafka may never learn of the next leader: it reads nothing more
there, and says nothing. Another client does better; it costs what this one has fetched.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from schemas.contract.topics import Log

_PATIENCE_SECONDS: Final = 60.0
_OFTEN_SECONDS: Final = 30.0  # between two looks; later, what stands still may have waited for PostgreSQL


class Progress:
    """Of one consumer."""

    def __init__(self) -> None:
        self._reached: dict[Log, int] = {}
        self._since: dict[Log, float] = {}  # since when a log stands still before its end; steady seconds
        self._looked_at = 0.0

    def reach(self, log: Log, offset: int) -> None:
        """A log was read up to an offset, which comes next."""
        if offset > self._reached.get(log, -1):
            self._reached[log] = offset
            self._since.pop(log, None)

    def places(self, logs: Iterable[Log]) -> dict[Log, int]:
        """Return how far these were read."""
        return {log: self._reached[log] for log in logs}

    def wait(self) -> None:
        """More has arrived than was taken: what stands still may only wait behind it."""
        self._since.clear()

    def behind(self, ends: Mapping[Log, int]) -> list[Log]:
        """Return the logs that have more, by the ends of those whose leaders answer; call it again and again."""
        now = time.monotonic()
        behind = [log for log, end in ends.items() if end > self._reached.get(log, end)]
        known = self._since if now - self._looked_at < _OFTEN_SECONDS else {}
        self._since = {log: known.get(log, now) for log in behind}
        self._looked_at = now
        return behind

    def still(self) -> Log | None:
        """Return a log that has stood still for so long that the client must have lost sight of its leader."""
        now = time.monotonic()
        return next((log for log, since in self._since.items() if now - since > _PATIENCE_SECONDS), None)


class Standstill:
    """Since when none of the logs that somebody waits for has moved."""

    def __init__(self, places: Mapping[Log, int]) -> None:
        self._places = places
        self._moved_at = time.monotonic()

    def seconds(self, places: Mapping[Log, int]) -> float:
        """For how long the logs stand still, by where those that are still waited for are now."""
        now = time.monotonic()
        if places != self._places:
            self._places, self._moved_at = places, now
        return now - self._moved_at
