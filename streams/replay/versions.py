"""The records of one site, and which of them may have been in force at a decision.

A decision names the record in force, or of a deleted site its last one while an incident was open
(contracts.md, Decision). So a name may mean either of two things: that the record was in force, or that the
tombstone behind it was. Both show the same address and partners; only the first lets an incident open.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Set
from typing import Literal, NamedTuple, TypeAlias

from streams.escalation.values import Site, SiteRecord
from streams.formats.validation import DeadLetterCause
from streams.kafka.reading import LogRecord

# What a record of the site is: a site, None for a tombstone, or why it cannot come into force.
Judge: TypeAlias = Callable[[LogRecord], Site | DeadLetterCause | None]


class InForce(NamedTuple):
    """The site records of a step: the one in force, and a deleted site's last one for its open incidents."""

    record: SiteRecord | None
    last: SiteRecord | None


class SiteVersions:
    """A site's records, oldest first. Once a decision names a record, an older one cannot be in force."""

    def __init__(self, judge: Judge, can_be_gone: Callable[[int], bool], refused: Set[int]) -> None:
        """Begin without records.

        ``can_be_gone``: whether compaction may have removed a record from an offset that the site has none at.
        ``refused``: the offsets of the records that are dead letters; what was wrong may not show in them.
        """
        self._judge = judge
        self._can_be_gone = can_be_gone
        self._refused = refused
        self._records: list[LogRecord] = []
        self._named: int | None = None  # the latest offset named
        self._explained: tuple[int, list[InForce]] | None = None  # the last one looked up

    def add(self, record: LogRecord) -> None:
        """Add the next record of the site."""
        self._records.append(record)

    def explanations(self, offset: int | None) -> list[InForce] | Literal["GONE", "NO_SITE_RECORD", "REPLACED"]:
        """Return the records that ``offset`` may stand for, the likelier first; or the fault of the name.

        GONE: the log does not have it, as compaction may have removed it: with a later record of the site, or with its
        tombstone, which goes too. NO_SITE_RECORD: there was never such a record that could come into force. REPLACED:
        it had been replaced by one that was named before.
        """
        if offset is None:
            return "REPLACED" if self._is_still_there() else [InForce(None, None)]
        if self._named is not None and offset < self._named:
            return "REPLACED"
        if self._explained is None or self._explained[0] != offset:
            place = self._place(offset)
            if place is None:
                is_last = bool(self._records) and offset > self._records[-1].offset
                return "GONE" if not is_last and self._can_be_gone(offset) else "NO_SITE_RECORD"
            found = self._explain(place)
            if not found:
                return "NO_SITE_RECORD"
            self._explained = (offset, found)
        return self._explained[1]

    def name(self, offset: int | None) -> None:
        """Note that a decision names this record."""
        if offset is not None:
            self._named = offset

    def _is_still_there(self) -> bool:
        """Whether the record named last was not deleted since."""
        place = None if self._named is None else self._place(self._named)
        return place is not None and all(site is not None for site in self._after(place))

    def _place(self, offset: int) -> int | None:
        place = bisect_left(self._records, offset, key=lambda record: record.offset)
        is_there = place < len(self._records) and self._records[place].offset == offset
        return place if is_there else None

    def _explain(self, place: int) -> list[InForce]:
        record = self._records[place]
        site = self._judge(record)
        if site is None or isinstance(site, DeadLetterCause):
            return []
        version = SiteRecord(record.offset, site)
        found = [InForce(version, None)]
        return [*found, InForce(None, version)] if next(self._after(place), site) is None else found

    def _after(self, place: int) -> Iterator[Site | None]:
        """What came into force after a record."""
        for record in self._records[place + 1 :]:
            if record.offset not in self._refused and not isinstance(site := self._judge(record), DeadLetterCause):
                yield site
