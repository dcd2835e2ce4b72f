"""Every site's current record has its readiness: the check that a compacted topic allows (procedure.md §7).

Compaction may have removed older records and their readiness. The current record is the last that the group has
handled; its readiness record must agree with it, and not be older, by their timestamps. These come from different
machines: only a difference beyond `CLOCKS_MS` counts, and a record is no younger than its successors or than now, even
if its producer's clock says so.

**Retention.** ``sites`` keeps a bad record, if it is the last of its site, for good; its dead letter is deleted by age.
So, as in `streams.verify.conservation`: a record without the right readiness is wrong if it is known to be handled
after the last dead letter that was deleted (the *horizon*), and else not checkable. Known by what the same partition's
clock has stamped: its site's readiness, or an end of a record before it; or by when it, or one before it, was written.
No more are not checkable than offsets were deleted from the log of dead letters: if more lack their readiness, as when
``readiness`` itself was deleted, the oldest are taken for those, since the oldest dead letters are deleted first.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Set
from typing import Final, NamedTuple

from schemas.avro.errors import Undecodable
from streams.escalation.readiness import readiness
from streams.escalation.values import Instant, Readiness, Site
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import LogRecord
from streams.verify.conservation import Discrepancy, Wrong

CLOCKS_MS: Final = 10 * 60 * 1000


class SiteSum(NamedTuple):
    """One partition of ``sites``. ``records`` are those handled and not yet compacted."""

    partition: int
    records: int
    sites: int  # with a current record, or a tombstone
    published: int  # of these, with the readiness of their current record
    dead_lettered: int  # of these, whose current record is a dead letter
    wrong: int  # of these, with neither
    not_checkable: int  # of these, with neither, whose dead letter may have been deleted
    waiting: int  # sites with a record not handled yet; not among the sites

    @property
    def difference(self) -> int:
        """The number of sites that do not add up."""
        return self.wrong


class _Suspect(NamedTuple):
    """A site's current record without the readiness that it should have, and the one that there is."""

    wrong: Wrong
    record: LogRecord
    published: LogRecord | None


class SiteAccount:
    """One partition of ``sites`` and ``readiness``; holds the last record of each site of both.

    ``deleted`` is the number of offsets deleted from the log of dead letters, and ``horizon`` the latest instant of one
    of these; None: none was.
    """

    def __init__(
        self,
        partition: int,
        committed: int,
        recorded: TopicValues,
        *,
        now: Instant,
        deleted: int = 0,
        horizon: Instant | None = None,
    ) -> None:
        self._partition = partition
        self._committed = committed
        self._recorded = recorded
        self._records = 0
        self._current: dict[bytes, LogRecord] = {}
        self._waiting: set[bytes] = set()
        self._readiness: dict[bytes, LogRecord] = {}
        self._dead: dict[int, Instant] = {}  # when, by offset
        self._now = now
        self._deleted = deleted
        self._horizon = horizon
        self._offsets = array("q")  # of all records, and their timestamps
        self._timestamps = array("q")

    def readiness(self, record: LogRecord) -> None:
        """The next record of ``readiness``; read before those of ``sites``."""
        self._readiness[record.key or b""] = record

    def dead_letter(self, offset: int, at: Instant) -> None:
        """A record of ``sites`` became a dead letter."""
        self._dead[offset] = at

    def site(self, record: LogRecord) -> None:
        """The next record of ``sites``."""
        key = record.key or b""
        self._offsets.append(record.offset)
        self._timestamps.append(record.timestamp)
        if record.offset >= self._committed:
            self._waiting.add(key)
            self._current.pop(key, None)
        else:
            self._records += 1
            self._current[key] = record

    def close(self) -> tuple[SiteSum, list[Discrepancy]]:
        """Return the sum, and each site's record that does not add up."""
        written_by = self._written_by({record.offset for record in self._current.values()})
        horizon = 0 if self._horizon is None else self._horizon
        # The first offset known to be handled after the horizon.
        sure_from = min((offset for offset, at in self._dead.items() if at > horizon), default=self._committed)
        dead, suspects = 0, []
        for key, record in self._current.items():
            if record.offset in self._dead:
                dead += 1
                continue
            published = self._readiness.get(key)
            wrong = self._judge(record, published, written_by[record.offset])
            if wrong is not None:
                suspects.append(_Suspect(wrong, record, published))
            if written_by[record.offset] > horizon + CLOCKS_MS or (wrong is None and _is_after(horizon, published)):
                sure_from = min(sure_from, record.offset)
        excused = self._excused(suspects, sure_from)
        found = [self._discrepancy(one) for one in suspects if one.record.offset not in excused]
        total = SiteSum(
            self._partition,
            records=self._records,
            sites=len(self._current),
            published=len(self._current) - dead - len(suspects),
            dead_lettered=dead,
            wrong=len(found),
            not_checkable=len(excused),
            waiting=len(self._waiting),
        )
        return total, found

    def _excused(self, suspects: Iterable[_Suspect], sure_from: int) -> set[int]:
        """Return the offsets of those whose dead letter may have been deleted; of too many, the oldest."""
        possible = sorted(one.record.offset for one in suspects if not self._is_sure(one, sure_from))
        return set(possible[: self._deleted])

    def _is_sure(self, suspect: _Suspect, sure_from: int) -> bool:
        """Whether no dead letter that was deleted can explain what is wrong."""
        if self._horizon is None or suspect.wrong == "UNREADABLE" or suspect.record.offset >= sure_from:
            return True
        # Whichever record of its site its readiness is of, this one was handled no earlier.
        return _is_after(self._horizon, suspect.published)

    def _discrepancy(self, suspect: _Suspect) -> Discrepancy:
        wrong, record, published = suspect
        if wrong == "UNREADABLE" and published is not None:
            return Discrepancy(wrong, "readiness", self._partition, published.offset)
        return Discrepancy(wrong, "sites", self._partition, record.offset)

    def _written_by(self, offsets: Set[int]) -> dict[int, Instant]:
        """Return the latest time at which each of these records was written: before its successors, and by now."""
        found: dict[int, Instant] = {}
        earliest = self._now
        for offset, timestamp in zip(reversed(self._offsets), reversed(self._timestamps), strict=True):
            earliest = min(earliest, timestamp)
            if offset in offsets:
                found[offset] = earliest
        return found

    def _judge(self, record: LogRecord, published: LogRecord | None, written_by: Instant) -> Wrong | None:
        if record.value is None:
            # A tombstone publishes one, which compaction removes in the end.
            return None if published is None or published.value is None else "OTHER_READINESS"
        if published is None:
            return "NO_READINESS"
        value = published.value
        try:
            state: Readiness | None = None if value is None else self._recorded.value("readiness", value)
        except Undecodable:
            return "UNREADABLE"
        try:
            site: Site = self._recorded.value("sites", record.value)
        except Undecodable:  # no readiness can be that of such a record, which should be a dead letter
            return "OTHER_READINESS"
        if state != readiness(site, 0 if state is None else state.at):
            return "OTHER_READINESS"
        return "OLDER_READINESS" if published.timestamp < written_by - CLOCKS_MS else None


def _is_after(instant: Instant, record: LogRecord | None) -> bool:
    return record is not None and record.timestamp > instant
