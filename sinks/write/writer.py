"""Write a chunk while the next one is read and decoded: PostgreSQL works then, and this process does not wait for it.

One chunk is under way at a time, so the order stays. Before anything else uses the ledger's connection, and before
partitions are taken or given up, the chunk under way must have ended: `settle` first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple, TypeAlias

from sinks.rows.chunk import LedgerChunk
from sinks.write.ledger import WriteResult

# How long the decoding thread keeps the interpreter from the one that has more for PostgreSQL, some thirty times a
# chunk: at Python's own 5 ms that costs more than it gains.
SWITCH_SECONDS: Final = 0.0005

OnCommit: TypeAlias = Callable[[LedgerChunk, WriteResult], None]
Write: TypeAlias = Callable[[LedgerChunk], WriteResult]


class _UnderWay(NamedTuple):
    chunk: LedgerChunk
    written: Future[WriteResult]


class Writer:
    """One writing thread. ``on_commit`` gets each chunk once it is committed, in the thread that settles it."""

    def __init__(self, write: Write, on_commit: OnCommit) -> None:
        self._write = write
        self._on_commit = on_commit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._under_way: _UnderWay | None = None
        sys.setswitchinterval(SWITCH_SECONDS)

    def write(self, chunk: LedgerChunk) -> None:
        """Begin to write a chunk, once the chunk before is settled. Raises as `settle`."""
        self.settle()
        self._under_way = _UnderWay(chunk, self._thread.submit(self._write, chunk))

    def settle(self) -> None:
        """Wait for the end of the chunk under way. Raises `Away`, `Fenced`: it is not in the ledger then."""
        if self._under_way is not None:
            chunk, written = self._under_way
            self._under_way = None
            self._on_commit(chunk, written.result())

    def close(self) -> None:
        """Wait for the end of the chunk under way, with any result; write nothing more."""
        self._thread.shutdown()
