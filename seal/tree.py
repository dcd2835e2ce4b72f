"""Roots and proofs of a tree of which leaves and the nodes of each 1,024 leaves are kept (RFC 9162, section 2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from seal.proofs import BLOCK, node_hash, split_of

_READ: Final = 4  # blocks of leaves in memory
EMPTY: Final = hashlib.sha256(b"").digest()


class Tree:
    """``leaves`` returns the hashes of the leaves of a range, ``nodes`` those of the blocks of a range."""

    def __init__(self, leaves: Callable[[int, int], list[bytes]], nodes: Callable[[int, int], list[bytes]]) -> None:
        self._leaves = leaves
        self._nodes = nodes
        self._blocks: list[bytes] = []  # kept nodes, read once
        self._whole: dict[tuple[int, int], bytes] = {}  # those above them, which no later leaf changes
        self._read: dict[int, list[bytes]] = {}  # leaves of the blocks read last

    def root(self, size: int) -> bytes:
        """Return the root of the first ``size`` leaves."""
        return self._root(0, size) if size else EMPTY

    def inclusion(self, place: int, size: int) -> list[bytes]:
        """Return the proof that a leaf is among the first ``size``."""
        return self._path(place, 0, size)

    def consistency(self, size: int, later: int) -> list[bytes]:
        """Return the proof that the first ``size`` leaves are those of the later tree."""
        return [] if size in {0, later} else self._subproof(size, 0, later, is_whole=True)

    def _path(self, place: int, begin: int, end: int) -> list[bytes]:
        if end - begin == 1:
            return []
        middle = begin + split_of(end - begin)
        if place < middle:
            return [*self._path(place, begin, middle), self._root(middle, end)]
        return [*self._path(place, middle, end), self._root(begin, middle)]

    def _subproof(self, size: int, begin: int, end: int, *, is_whole: bool) -> list[bytes]:
        if begin + size == end:
            return [] if is_whole else [self._root(begin, end)]
        half = split_of(end - begin)
        if size <= half:
            return [*self._subproof(size, begin, begin + half, is_whole=is_whole), self._root(begin + half, end)]
        return [*self._subproof(size - half, begin + half, end, is_whole=False), self._root(begin, begin + half)]

    def _root(self, begin: int, end: int) -> bytes:
        if end - begin == BLOCK and begin % BLOCK == 0:
            return self._node(begin // BLOCK)
        if end - begin < BLOCK:
            block, first = divmod(begin, BLOCK)
            return root_of(self._block(block)[first : first + end - begin])
        known = self._whole.get((begin, end))
        if known is None:
            middle = begin + split_of(end - begin)
            known = node_hash(self._root(begin, middle), self._root(middle, end))
            if (end - begin) & (end - begin - 1) == 0:
                self._whole[begin, end] = known
        return known

    def _node(self, block: int) -> bytes:
        if block >= len(self._blocks):
            self._blocks = self._nodes(0, max(block + 1, 2 * len(self._blocks)))
        return self._blocks[block]

    def _block(self, block: int) -> list[bytes]:
        if block not in self._read:
            if len(self._read) >= _READ:
                self._read.clear()
            self._read[block] = self._leaves(block * BLOCK, (block + 1) * BLOCK)
        return self._read[block]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root of leaves' hashes; at least one.

    Level by level: a node without a neighbour moves up as it is, which gives the left-heavy shape of RFC 9162.
    """
    level = list(hashes)
    while len(level) > 1:
        above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]
