"""Writes a chunk while the next one is read and decoded: PostgreSQL works then, and this process need not wait for it.

Only one is under way at a time, so the order stays. Nothing else may use the ledger's connection, nor may partitions
be taken or given up, before what is under way has come to its end: `settle` first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple, TypeAlias

from sinks.rows.chunk import LedgerChunk
from sinks.write.ledger import WriteResult

# How long a thread that decodes keeps the interpreter from the one that has something for PostgreSQL again, some thirty
# times a chunk: at Python's own 5 ms that costs more than it wins.
SWITCH_SECONDS: Final = 0.0005

OnCommit: TypeAlias = Callable[[LedgerChunk, WriteResult], None]
Write: TypeAlias = Callable[[LedgerChunk], WriteResult]


class _UnderWay(NamedTuple):
    chunk: LedgerChunk
    written: Future[WriteResult]


class Writer:
    """One thread that writes. ``on_commit`` gets each chunk once it is committed, by the thread that settles it."""

    def __init__(self, write: Write, on_commit: OnCommit) -> None:
        self._write = write
        self._on_commit = on_commit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._under_way: _UnderWay | None = None
        sys.setswitchinterval(SWITCH_SECONDS)

    def write(self, chunk: LedgerChunk) -> None:
        """Begin to write a chunk, after the one before. Raises what came of that, as `settle` does."""
        self.settle()
        self._under_way = _UnderWay(chunk, self._thread.submit(self._write, chunk))

    def settle(self) -> None:
        """Wait for the end of what is under way. Raises `Away`, `Fenced`: it is not in the ledger then."""
        if self._under_way is not None:
            chunk, written = self._under_way
            self._under_way = None
            self._on_commit(chunk, written.result())

    def close(self) -> None:
        """Wait for the end of what is under way, with any result; write nothing more."""
        self._thread.shutdown()
