"""Where the signals of a site lie: 24 bytes a signal, as a large centre has millions a day."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from typing import Final

KEPT_MS: Final = 24 * 3600 * 1000
_SWEPT_EVERY: Final = 65_536


class SignalIndex:
    """One partition's signals of the last day, by key and time; by a hash of the key, so look at what is found."""

    def __init__(self) -> None:
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
        gone = bisect_left(self._times, self._times[-1] - KEPT_MS)
        for column in (self._keys, self._times, self._offsets):
            del column[:gone]


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
