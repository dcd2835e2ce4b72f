"""What a verification finds in the logs of a partition, as a worker left them or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from streams.escalation.values import Decision, Instant
from streams.formats.topic_values import TopicValues
from streams.kafka.offset_notes import OffsetNotes
from streams.kafka.reading import LogRecord, Span
from streams.verify.conservation import Discrepancy
from streams.verify.verification import Verification, VerificationResult
from streams.verify.versions import Versions
from tests.streams.logbook import RECORDED, Logbook, alert, seconds, site

if TYPE_CHECKING:
    from schemas.contract.topics import Log
    from streams.kafka.reading import Logs


class BookLogs:
    """The logs of a logbook, all handled; it stands for `Logs` and for its ``offsets``."""

    def __init__(self, book: Logbook) -> None:
        self._book = book
        self.offsets = self
        self.notes: defaultdict[Log, OffsetNotes] = defaultdict(OffsetNotes)

    def require(self, _: Iterable[str]) -> int:
        return 1

    def first(self, logs: Iterable[Log]) -> dict[Log, int]:
        return {log: records[0].offset if (records := self._book.logs[log[0]]) else 0 for log in logs}

    def committed(self, logs: Iterable[Log]) -> dict[Log, int]:
        return {log: records[-1].offset + 1 if (records := self._book.logs[log[0]]) else 0 for log in logs}

    high_watermarks = last_stable = settled = committed

    def at(self, logs: Iterable[Log], instant: Instant) -> dict[Log, int]:
        ends = self.committed(logs)
        return {
            log: next((one.offset for one in self._book.logs[log[0]] if one.timestamp >= instant), end)
            for log, end in ends.items()
        }

    def read(self, span: Span) -> Iterator[LogRecord]:
        return iter([one for one in self._book.logs[span.topic] if span.begin <= one.offset < span.end])


def verified(book: Logbook) -> VerificationResult:
    return Verification(cast("Logs", BookLogs(book)), TopicValues()).run()


def rule(record: LogRecord) -> str:
    value: Decision = RECORDED.value("decisions", record.value or b"")
    return value.rule


def test_a_deadline_that_was_decided_twice_is_named() -> None:
    """As by a worker whose transaction came true behind the back of the next holder: no input has two ends then."""
    book = Logbook()
    book.chunk(0, site(), alert())
    book.chunk(130)
    book.chunk(260)
    assert [rule(record) for record in book.logs["decisions"]] == ["OPENED", "NEXT_CONTACT", "WAIT_STARTED"]
    assert verified(book).differences == 0
    again = book.logs["decisions"][1]
    book.logs["decisions"].append(again._replace(offset=3))
    result = verified(book)
    assert result.found == [Discrepancy("AGAIN", "decisions", 0, 3)]
    assert result.differences == 1


def test_a_bad_site_record_is_no_difference_also_after_retention_has_deleted_its_dead_letter() -> None:
    """The record itself stays, as the last of its site; a missing readiness is still found behind it."""
    book = Logbook()
    book.chunk(0, site(), LogRecord("alerts", 0, 0, 0, b"S1", b"poison", []))
    book.dead_letter(book.append("sites", seconds(1), b"S2", b"poison"), seconds(1), "UNDECODABLE")
    book.chunk(5000, site("S3"), site("S4"), LogRecord("alerts", 0, 0, 0, b"S1", b"poison", []))
    (sites,) = verified(book).sites
    assert (sites.published, sites.dead_lettered, sites.not_checkable) == (3, 1, 0)
    del book.logs["dead-letters"][:2]
    result = verified(book)
    assert (result.found, result.differences) == ([], 0)
    (sites,) = result.sites
    assert (sites.published, sites.dead_lettered, sites.not_checkable) == (3, 0, 1)
    del book.logs["readiness"][-1]
    assert verified(book).differences == 0, "S4 was handled at the instant of the first letter that is left"
    book.chunk(10_000, site("S5"), site("S6"))
    del book.logs["readiness"][-1]
    assert verified(book).found == [Discrepancy("NO_READINESS", "sites", 0, 5)]
    book.logs["readiness"].clear()
    result = verified(book)
    assert [one.offset for one in result.found] == [2, 3, 4, 5], "two dead letters that were deleted explain two sites"
    assert result.sites[0].not_checkable == 2


def test_of_incidents_that_are_closed_the_last_are_remembered() -> None:
    book = Logbook()
    book.chunk(0, site(), alert())
    opened: Decision = RECORDED.value("decisions", book.logs["decisions"][0].value or b"")
    versions = Versions(most_closed=1)
    closed = opened._replace(version=2, phase_to="CLOSED")
    assert [versions.is_known(decision) for decision in (opened, closed, closed)] == [False, False, True]
    other = closed._replace(incident_id="other")
    assert [versions.is_known(decision) for decision in (other, other, closed)] == [False, True, False]
    assert not versions.is_known(opened._replace(incident_id=None, version=0))
