"""Sets of offsets as runs, so that a million that follow each other need the room of one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOGETHER_MS: Final = 1000


class Run(NamedTuple):
    """Offsets from ``first`` to before ``stop``, read at ``at`` or up to a second later."""

    first: int
    stop: int
    at: int


class Runs:
    """Offsets in their order, each with the time of its reading."""

    def __init__(self) -> None:
        self._firsts: list[int] = []  # of `_runs`, to search in
        self._runs: list[Run] = []

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def add(self, offset: int, at: int) -> None:
        """Add an offset; usually the last one."""
        if offset in self:
            return
        place = bisect_right(self._firsts, offset)
        if place and self._runs[place - 1].stop == offset and at - self._runs[place - 1].at < _TOGETHER_MS:
            self._runs[place - 1] = self._runs[place - 1]._replace(stop=offset + 1)
            return
        self._firsts.insert(place, offset)
        self._runs.insert(place, Run(offset, offset + 1, at))

    def __contains__(self, offset: int) -> bool:
        place = bisect_right(self._firsts, offset)
        return place > 0 and offset < self._runs[place - 1].stop

    def remove(self, offset: int) -> bool:
        """Remove an offset; False: it was not there."""
        place = bisect_right(self._firsts, offset) - 1
        if place < 0 or offset >= self._runs[place].stop:
            return False
        run = self._runs[place]
        pieces = [
            piece
            for piece in (Run(run.first, offset, run.at), Run(offset + 1, run.stop, run.at))
            if piece.first < piece.stop
        ]
        self._runs[place : place + 1] = pieces
        self._firsts[place : place + 1] = [piece.first for piece in pieces]
        return True

    def remove_below(self, offset: int) -> None:
        """Remove all before an offset."""
        place = bisect_right(self._firsts, offset - 1)
        last = self._runs[place - 1] if place else None
        del self._runs[:place], self._firsts[:place]
        if last is not None and last.stop > offset:
            self._runs.insert(0, last._replace(first=offset))
            self._firsts.insert(0, offset)
