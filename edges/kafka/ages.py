"""How old what was read of each partition is: the time since the reader last stood at its high watermark."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from schemas.contract.topics import Log

# Above it, a partition is behind. Its end is asked for once a second, so one that is read on is younger.
BEHIND_SECONDS: Final = 3.0
_MOST_PENDING: Final = 600  # answers of a partition that the reader is behind: ten minutes


class Ages:
    """Knows how old what was read is. The reader and those who ask for high watermarks write, anybody reads."""

    def __init__(self, logs: Iterable[Log]) -> None:
        self._lock = threading.Lock()
        self._next: dict[Log, int] = {}  # the offset that is read next
        self._pending: dict[Log, deque[tuple[int, float]]] = {log: deque(maxlen=_MOST_PENDING) for log in logs}
        self._stood_at: dict[Log, float] = {}
        self._behind_at: dict[Log, float] = {}  # when it was no longer behind
        self._moved_at: dict[Log, float] = {}  # when the reader last came further

    def ends(self, log: Log, watermark: int, asked_at: float) -> None:
        """Take where a log ended when that was asked for (monotonic)."""
        with self._lock:
            pending = self._pending.get(log)
            if pending is None:
                return
            pending.append((watermark, asked_at))
            self._settle(log, pending)

    def reach(self, positions: dict[Log, int]) -> None:
        """Take how far the reader is: all before these offsets was handed on."""
        with self._lock:
            now = time.monotonic()
            self._moved_at |= {log: now for log, at in positions.items() if at != self._next.get(log)}
            self._next |= positions
            for log in positions:
                self._settle(log, self._pending[log])

    def _settle(self, log: Log, pending: deque[tuple[int, float]]) -> None:
        position = self._next.get(log, -1)
        while pending and pending[0][0] <= position:
            _, asked_at = pending.popleft()
            if BEHIND_SECONDS < self.age(log) < math.inf:
                self._behind_at[log] = time.monotonic()
            self._stood_at[log] = max(asked_at, self._stood_at.get(log, asked_at))

    def position(self, log: Log) -> int:
        """The offset behind the last record that was handed on; -1 before anything is known."""
        return self._next.get(log, -1)

    def still(self, seconds: float) -> dict[Log, float]:
        """The logs that are read no further, though there is more; and since when (monotonic), for longer than that.

        Only those whose end is known now.
        """
        now, found = time.monotonic(), {}
        with self._lock:
            for log, pending in self._pending.items():
                if pending and now - pending[-1][1] < BEHIND_SECONDS:
                    since = max(pending[0][1], self._moved_at.get(log, float("-inf")))
                    if now - since > seconds:
                        found[log] = since
        return found

    @property
    def is_whole(self) -> bool:
        """Whether each partition was read to its end at least once."""
        return len(self._stood_at) == len(self._pending)

    def age(self, log: Log) -> float:
        """Seconds; infinite until the reader first stands at the partition's end."""
        return time.monotonic() - self._stood_at.get(log, float("-inf"))

    def since_behind(self, log: Log) -> float:
        """For how many seconds it has not been behind; infinite where it never was."""
        if self.age(log) > BEHIND_SECONDS:
            return 0.0
        return time.monotonic() - self._behind_at.get(log, float("-inf"))

    def all(self) -> dict[Log, float]:
        """The age of every partition."""
        return {log: self.age(log) for log in self._pending}
