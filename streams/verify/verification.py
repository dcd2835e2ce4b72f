"""Add up the topics of a broker (`streams.verify.conservation`), even while workers run.

It requests the group's committed offsets first, once no open transaction can move them. So the ends of all earlier
inputs are in their logs, below the high watermarks that it requests next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.avro.errors import Undecodable
from schemas.contract.topics import INPUT_TOPICS, Log
from service.clock import now_ms
from streams.escalation.values import Instant
from streams.formats.topic_values import TopicValues
from streams.kafka import dead_letters as deadletters
from streams.kafka.dead_letters import Letter
from streams.kafka.reading import LogRecord, Logs, Span
from streams.verify.conservation import Account, Discrepancy, End, Sum
from streams.verify.conservation_sites import SiteAccount, SiteSum
from streams.verify.versions import Versions

MOST_LISTED: Final = 1000
_EVENTS: Final = tuple(topic for topic in INPUT_TOPICS if topic != "sites")
_ENDS: Final[Mapping[str, End]] = {
    "decisions": "decided",
    "quarantine": "quarantined",
    "dead-letters": "dead-lettered",
}
NEEDED: Final = (*INPUT_TOPICS, *_ENDS, "readiness")


@dataclass(slots=True)
class VerificationResult:
    """The sums by partition and topic; the first `MOST_LISTED` faults, and their total.

    ``foreign`` of the differences are records of outputs that this release of ronde does not write. ``deleted`` are
    logs of inputs of which so many offsets were deleted before they were handled; a transaction's marker that nobody
    had read up to counts as one of them.
    """

    sums: list[Sum] = field(default_factory=list)
    sites: list[SiteSum] = field(default_factory=list)
    found: list[Discrepancy] = field(default_factory=list)
    differences: int = 0
    foreign: int = 0
    deleted: dict[Log, int] = field(default_factory=dict)

    def take(self, found: Discrepancy) -> None:
        """Add a fault."""
        self.differences += 1
        self.foreign += found.wrong == "UNREADABLE"
        if len(self.found) < MOST_LISTED:
            self.found.append(found)


class Verification:
    """Reads all topics once; ``offsets`` is the number of offsets to read, for a progress bar.

    Creating it requests the bounds of all logs; `run` reads them. Both may raise `streams.kafka.offsets.ReadingError`.
    """

    def __init__(self, logs: Logs, recorded: TopicValues) -> None:
        self._logs = logs
        self._recorded = recorded
        self._partitions = logs.require(NEEDED)
        inputs = [(topic, number) for topic in INPUT_TOPICS for number in range(self._partitions)]
        ends = [(topic, number) for topic in (*_ENDS, "readiness") for number in range(self._partitions)]
        committed = logs.offsets.committed(inputs)
        self._begins = logs.offsets.first([*inputs, *ends])
        self._committed = {log: self._begins[log] if offset is None else offset for log, offset in committed.items()}
        self._to = logs.offsets.high_watermarks(ends) | logs.offsets.last_stable(inputs)
        self._verified = VerificationResult()
        for log, offset in self._committed.items():
            notes = logs.offsets.notes[log]
            deleted = notes.deleted + max(self._begins[log] - max(offset, notes.passed), 0)
            if deleted:
                self._verified.deleted[log] = deleted

    @property
    def offsets(self) -> int:
        """The number of offsets to read."""
        return sum(end - self._begins[log] for log, end in self._to.items())

    def run(self) -> VerificationResult:
        """Read all topics, a partition at a time."""
        for number in range(self._partitions):
            self._run(number)
        return self._verified

    def _run(self, number: int) -> None:
        horizon = self._horizon(number, _ENDS)
        accounts = {topic: self._account(topic, number, horizon) for topic in _EVENTS}
        sites = SiteAccount(
            number,
            self._committed["sites", number],
            self._recorded,
            now=now_ms(),
            deleted=self._begins["dead-letters", number],
            horizon=self._horizon(number, ["dead-letters"]),
        )
        versions = Versions()
        for record in self._read("readiness", number):
            sites.readiness(record)
        for topic, end in _ENDS.items():
            for record in self._read(topic, number):
                self._end(end, record, accounts, sites, versions)
        for topic, account in accounts.items():
            for record in self._read(topic, number):
                account.input(record.offset)
            self._verified.sums.append(account.sum())
            for found in account.found():
                self._verified.take(found)
        for record in self._read("sites", number):
            sites.site(record)
        total, wrong = sites.close()
        self._verified.sites.append(total)
        for found in wrong:
            self._verified.take(found)

    def _end(
        self,
        end: End,
        record: LogRecord,
        accounts: Mapping[str, Account],
        sites: SiteAccount,
        versions: Versions,
    ) -> None:
        """Assign an end to the input that it names."""
        if end == "dead-lettered":
            letter = deadletters.read(record)
            if letter is None:
                self._verified.take(Discrepancy("UNREADABLE", *record[:3]))
            if not isinstance(letter, Letter) or letter.topic == "state":
                return
            topic, partition, offset, at, incident_id = letter.topic, letter.partition, letter.offset, letter.at, None
        else:
            try:
                value: Any = self._recorded.value(record.topic, record.value or b"")
            except Undecodable:
                self._verified.take(Discrepancy("UNREADABLE", *record[:3]))
                return
            topic, partition, offset = value.input[-3:]
            at, incident_id = value.at, getattr(value, "incident_id", None)
            is_known = end == "decided" and versions.is_known(value)
            if topic is None:  # a deadline
                if is_known:
                    self._verified.take(Discrepancy("AGAIN", *record[:3]))
                return
        if partition != record.partition:
            self._verified.take(Discrepancy("ELSEWHERE", topic, partition, offset))
        elif topic == "sites":
            sites.dead_letter(offset, at)
        elif topic in accounts:
            accounts[topic].end(end, offset, at, incident_id)
        else:
            self._verified.take(Discrepancy("UNREADABLE", *record[:3]))

    def _account(self, topic: str, number: int, horizon: Instant | None) -> Account:
        log = (topic, number)
        return Account(topic, number, self._begins[log], self._committed[log], horizon)

    def _horizon(self, number: int, topics: Iterable[str]) -> Instant | None:
        """Return the latest instant of an end that was deleted from these logs; None: none was deleted."""
        horizons = [self._horizon_of(topic, number) for topic in topics if self._begins[topic, number] > 0]
        return max(horizons, default=None)

    def _horizon_of(self, topic: str, number: int) -> Instant:
        begin = self._begins[topic, number]
        first = next(self._logs.read(Span(topic, number, begin, self._to[topic, number])), None)
        if first is not None:
            return first.timestamp
        # The log is empty: assume that retention deleted it.
        kept = int(self._logs.topics[self._logs.settings.topic(topic)].configuration.get("retention.ms", -1))
        now = now_ms()
        return now - kept if kept >= 0 else now

    def _read(self, topic: str, number: int) -> Iterator[LogRecord]:
        return self._logs.read(Span(topic, number, self._begins[topic, number], self._to[topic, number]))
