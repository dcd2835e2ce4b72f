"""Where the signals of a site lie: 24 bytes a signal, as a large centre has millions a day."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Final

BEFORE_MS: Final = 5 * 60 * 1000  # an incident shows its site's signals from so long before its opening
KEPT_MS: Final = 24 * 3600 * 1000
_SWEPT_EVERY: Final = 65_536
_NEVER: Final = 1 << 62


class SignalIndex:
    """One partition's signals of the last day, by key and time; by a hash of the key, so look at what is found.

    Those of an incident are kept for as long as it is open.
    """

    def __init__(self, openings: Callable[[], Iterable[tuple[str, int]]] = lambda: ()) -> None:
        """``openings``: the sites of the incidents that are open, and when each began."""
        self._openings = openings
        self._keys = array("Q")
        self._times = array("q")  # never going back
        self._offsets = array("q")

    def add(self, key: str, at: int, offset: int) -> None:
        """Take the next signal; ``at`` is in Unix milliseconds."""
        if self._offsets and offset <= self._offsets[-1]:
            return
        self._keys.append(_hash(key))
        self._times.append(max(at, self._times[-1]) if self._times else at)
        self._offsets.append(offset)
        if len(self._keys) % _SWEPT_EVERY == 0:
            self._sweep()

    def between(self, key: str, start: int, end: int) -> list[int]:
        """The offsets of a key's signals from ``start`` to ``end``, both included."""
        at, last, wanted = bisect_left(self._times, start), bisect_right(self._times, end), _hash(key)
        offsets = []
        while at < last:
            try:
                at = self._keys.index(wanted, at, last)
            except ValueError:
                break
            offsets.append(self._offsets[at])
            at += 1
        return offsets

    def __len__(self) -> int:
        return len(self._keys)

    def _sweep(self) -> None:
        old = bisect_left(self._times, self._times[-1] - KEPT_MS)
        if not old:
            return
        since: dict[int, int] = {}
        for key, at in self._openings():
            hashed = _hash(key)
            since[hashed] = min(at - BEFORE_MS, since.get(hashed, at))
        kept = [n for n in range(old) if self._times[n] >= since.get(self._keys[n], _NEVER)]
        for column in (self._keys, self._times, self._offsets):
            column[:old] = array(column.typecode, [column[n] for n in kept])


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
