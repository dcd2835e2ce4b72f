"""Inputs = decided + quarantined + dead-lettered, computed from the topics (procedure.md §7).

Pure: places come in, sums come out. An `Account` is one partition of one input topic, from the first record still in
the log up to the group's committed offset: the transaction that committed an input also wrote its end, and later inputs
are not handled yet, even if an open transaction has written records for them.

**Memory** is one byte for each offset of an account, of records of any size; partitions are read one after the other.

**Retention.** An old input may have lost its end: a truncated log of ends covers only inputs handled after its first
remaining record (its *horizon*). Inputs of a topic are handled in the order of their offsets. So from the first input
known to be handled after every horizon, each must have its end; an earlier one without an end is not checkable, and not
missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from streams.escalation.values import Instant

End: TypeAlias = Literal["decided", "quarantined", "dead-lettered"]
Wrong: TypeAlias = Literal[
    "MISSING",  # an input that was handled and has no end
    "TWICE",  # an input with more than one end
    "NO_INPUT",  # an end of an input that is not in its topic
    "AGAIN",  # a deadline's decision whose incident had one of its version before
    "ELSEWHERE",  # an end that lies in another partition than its input
    "UNREADABLE",  # a record of an output that another program or a newer release wrote
    "NO_READINESS",  # a site whose current record has no readiness record
    "OLDER_READINESS",  # its readiness record is older than it
    "OTHER_READINESS",  # its readiness record says something else
]

_ENDS: Final[tuple[End, ...]] = get_args(End)
_BITS: Final[dict[End, int]] = {end: 1 << place for place, end in enumerate(_ENDS)}
_ANY: Final = sum(_BITS.values())
_AGAIN: Final = 8
_PRESENT: Final = 16


class Discrepancy(NamedTuple):
    """A fault, and the input (of UNREADABLE and AGAIN: the record) that it concerns."""

    wrong: Wrong
    topic: str  # without prefix
    partition: int
    offset: int


class Sum(NamedTuple):
    """One partition of one input topic. ``inputs`` is the sum of the six after it: an input counts in one of them."""

    topic: str  # without prefix
    partition: int
    inputs: int
    decided: int
    quarantined: int
    dead_lettered: int
    missing: int
    twice: int
    not_checkable: int
    waiting: int  # not handled yet; not among the inputs
    without_input: int  # ends of inputs that do not exist

    @property
    def difference(self) -> int:
        """The number of inputs and ends that do not add up."""
        return self.missing + self.twice + self.without_input


class Account:
    """The inputs of one partition of a topic with their ends, each in any order, but decisions in theirs.

    ``begin`` is the first offset in the log, ``committed`` the one after the last input handled.
    """

    def __init__(self, topic: str, partition: int, begin: int, committed: int, horizon: Instant | None = None) -> None:
        self.topic = topic
        self.partition = partition
        self._begin = begin
        self._marks = bytearray(max(committed - begin, 0))
        self._horizon = horizon  # the latest of the ends' logs; None: no log is truncated
        self._sure_from: int | None = None if horizon is not None else begin
        self._waiting = 0
        self._last: tuple[int, str | None] = (-1, None)  # the last decision's input and incident

    def end(self, end: End, offset: int, at: Instant, incident_id: str | None = None) -> None:
        """Count an end of the input at ``offset``.

        Decisions on one input in different incidents are adjacent and count as one end (procedure.md §7).
        """
        if self._horizon is not None and at > self._horizon:
            self._sure_from = offset if self._sure_from is None else min(self._sure_from, offset)
        place = offset - self._begin
        if not 0 <= place < len(self._marks):
            return
        marks = self._marks
        is_same = False
        if end == "decided":
            before, incident = self._last
            is_same = before == offset and None not in {incident, incident_id} and incident != incident_id
            self._last = (offset, incident_id)
        if marks[place] & _ANY and not is_same:
            marks[place] |= _AGAIN
        marks[place] |= _BITS[end]

    def input(self, offset: int) -> None:
        """Count a record of the topic."""
        place = offset - self._begin
        if place < len(self._marks):
            self._marks[place] |= _PRESENT
        else:
            self._waiting += 1

    def sum(self) -> Sum:
        """Return the sum."""
        counts = {mark: self._marks.count(mark) for mark in range(32)}
        handled = {mark: count for mark, count in counts.items() if mark & _PRESENT}
        ended = {end: counts[_PRESENT | bit] for end, bit in _BITS.items()}
        without_end = counts[_PRESENT]
        sure = 0 if self._sure_from is None else self._marks.count(_PRESENT, max(self._sure_from - self._begin, 0))
        return Sum(
            self.topic,
            self.partition,
            inputs=sum(handled.values()),
            decided=ended["decided"],
            quarantined=ended["quarantined"],
            dead_lettered=ended["dead-lettered"],
            missing=sure,
            twice=sum(count for mark, count in handled.items() if mark & _AGAIN),
            not_checkable=without_end - sure,
            waiting=self._waiting,
            without_input=sum(count for mark, count in counts.items() if mark and not mark & _PRESENT),
        )

    def found(self) -> Iterator[Discrepancy]:
        """Yield every input without exactly one end, by offset."""
        for match in _SUSPECT.finditer(self._marks):
            offset = self._begin + match.start()
            mark = match[0][0]
            if not mark & _PRESENT:
                yield Discrepancy("NO_INPUT", self.topic, self.partition, offset)
            elif mark & _AGAIN:
                yield Discrepancy("TWICE", self.topic, self.partition, offset)
            elif self._sure_from is not None and offset >= self._sure_from:
                yield Discrepancy("MISSING", self.topic, self.partition, offset)


# All but "nothing here" and "an input with one end".
_FINE: Final = bytes([0, *(_PRESENT | bit for bit in _BITS.values())])
_SUSPECT: Final = re.compile(b"[^" + re.escape(_FINE) + b"]", re.DOTALL)
