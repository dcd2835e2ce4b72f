"""A time for each of several records of one id, so that their names differ."""

from __future__ import annotations


class DistinctTimes:
    """Gives what comes of one id within the same millisecond the next one, as far as its last ``most`` ids go."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._latest: dict[str, int] = {}  # the id that came last is last

    def at(self, key: str, now: int) -> int:
        """``now``, or the millisecond after the last one that the id was given. Unix milliseconds."""
        at = max(now, self._latest.pop(key, 0) + 1)
        self._latest[key] = at
        if len(self._latest) > self._most:
            del self._latest[next(iter(self._latest))]
        return at
