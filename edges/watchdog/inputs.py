"""Inputs and their ends: a decision, a quarantine record or a dead letter for each (procedure.md §7, Conservation)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from edges.watchdog.findings import Finding
from edges.watchdog.runs import Runs
from schemas.contract.topics import Log


class InputLog:
    """One partition of an input topic. Its records and their ends are read in any order between them.

    Times are monotonic, in ms; findings have ``ahead`` added: by how much the wall clock is ahead of that.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._open = Runs()  # read, without an end
        self._early = Runs()  # ends whose input is not read yet
        self._next = 0
        self._first_end: int | None = None
        self._overdue_to: float = -math.inf  # inputs read up to here are overdue

    @property
    def kept(self) -> int:
        """How much is remembered."""
        return len(self._open) + len(self._early)

    def read(self, offset: int, monotonic: int) -> None:
        """Take an input."""
        if offset < self._next:  # the log was made again
            self._open, self._early, self._first_end = Runs(), Runs(), None
        self._next = offset + 1
        if not self._early.remove(offset):
            self._open.add(offset, monotonic)
        self._early.remove_below(offset)

    def end(self, offset: int, monotonic: int) -> None:
        """Take an end."""
        if self._first_end is None or offset < self._first_end:
            self._first_end = offset
        if offset >= self._next:
            self._early.add(offset, monotonic)
        else:
            self._open.remove(offset)

    def begin(self) -> None:
        """Forget inputs before the first end that was read: theirs came before the watchdog's reading began.

        Ends of a partition's inputs are written in the inputs' order.
        """
        if self._first_end is not None:
            self._open.remove_below(self._first_end)

    def judge(self, monotonic: int, limit: int) -> None:
        """Call overdue what was read so long ago."""
        self._overdue_to = monotonic - limit

    def forget(self, before: int) -> None:
        """Forget what was read before: nobody acts on it any more."""
        while (run := next(iter(self._open), None)) is not None and run.at < before:
            self._open.remove_below(run.stop)

    def overdue(self, ahead: int) -> Iterator[Finding]:
        """The runs of overdue inputs."""
        topic, partition = self._log
        for run in self._open:
            if run.at > self._overdue_to:
                return
            yield Finding(f"{topic}-{partition}-{run.first}", run.at + ahead, partition, count=run.stop - run.first)
