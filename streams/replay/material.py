"""The records that a replay of one partition looks up, by place, id or site: all but the decisions."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any, Final, NamedTuple

from schemas.avro.errors import Undecodable
from schemas.contract.murmur2 import partition as partition_of
from streams.escalation.values import Event, Quarantined, Site
from streams.formats.topic_values import TopicValues
from streams.formats.validation import DeadLetterCause, admit, admit_tombstone, key_text, site_named
from streams.kafka import dead_letters as deadletters
from streams.kafka.dead_letters import Letter
from streams.kafka.reading import LogRecord
from streams.replay.comparison import Mismatch
from streams.replay.verdict import VerdictBuilder
from streams.replay.versions import SiteVersions

EVENT_TOPICS: Final = ("alerts", "call-results", "dispatch-reports", "operator-actions")
COMMAND_TOPICS: Final = ("calls", "dispatches", "attention")


class Entry(NamedTuple):
    """A quarantine record and its value."""

    record: LogRecord
    value: Quarantined


class Material:
    """Takes records of every topic, each topic's oldest first; ``report`` gets the faults of single records."""

    def __init__(
        self, number: int, partitions: int, recorded: TopicValues, report: VerdictBuilder, sites_end: int = 0
    ) -> None:
        """``sites_end`` is where the log of ``sites`` ends, if not all of its records are taken."""
        self.inputs: dict[tuple[str, int], LogRecord] = {}  # by topic and offset
        self.handled: set[tuple[str, int]] = set()  # the replayed ones of those
        self.commands: dict[str, LogRecord] = {}  # calls, dispatches and attention, by id
        self.refused_sites: set[int] = set()  # the offsets of records of `sites` that are dead letters
        self.versions: defaultdict[str, SiteVersions] = defaultdict(  # by site
            lambda: SiteVersions(self.judge, self._can_be_gone, self.refused_sites)
        )
        self.quarantined: defaultdict[str, deque[Entry]] = defaultdict(deque)  # by site
        self.set_aside: defaultdict[str, deque[Letter]] = defaultdict(deque)  # states, by site
        self._number = number
        self._partitions = partitions
        self._recorded = recorded
        self._report = report
        self._sites_end = sites_end
        self._site_offsets: set[int] = set()  # of the records of all sites

    def take(self, record: LogRecord) -> None:
        """Index a record."""
        topic = record.topic
        if topic in EVENT_TOPICS:
            self.inputs[topic, record.offset] = record
        elif topic in COMMAND_TOPICS:
            self._take_command(record)
        elif topic == "sites":
            self._sites_end = max(self._sites_end, record.offset + 1)
            self._site_offsets.add(record.offset)
            site_id = key_text(record.key)
            if site_id is not None:
                self.versions[site_id].add(record)
        elif topic == "quarantine":
            value = self.value(record)
            if value is not None:
                self.quarantined[value.site_id].append(Entry(record, value))
        elif topic == "dead-letters":
            letter = deadletters.read(record)
            if isinstance(letter, Letter) and letter.topic == "sites":
                self.refused_sites.add(letter.offset)
            elif isinstance(letter, Letter) and letter.topic == "state":
                self.set_aside[site_named(letter.key or b"")].append(letter)
        else:
            raise AssertionError(f"a replay needs nothing of {topic}")

    def value(self, record: LogRecord) -> Any:
        """Return the value of an output's record; None, and a report, if it does not decode."""
        try:
            return self._recorded.value(record.topic, record.value or b"")
        except Undecodable:
            self._report.differ(key_text(record.key) or "", None, record, "", Mismatch("UNDECODABLE"))
            return None

    def event(self, record: LogRecord) -> Event | DeadLetterCause:
        """Return the value of an input, or why it should be a dead letter."""
        refused = admit_tombstone(record.topic, record.key) if record.value is None else None
        if refused is not None or record.value is None:
            return refused or DeadLetterCause("UNDECODABLE", "")
        try:
            event: Event = self._recorded.value(record.topic, record.value)
        except Undecodable as error:
            return DeadLetterCause("UNDECODABLE", str(error))
        return admit(event, key_text(record.key)) or event

    def judge(self, record: LogRecord) -> Site | DeadLetterCause | None:
        """Judge a record of ``sites`` by what shows in it; that the core failed on it shows in its dead letter."""
        site: Site | None = None
        if record.value is None:
            refused = admit_tombstone("sites", record.key)
        else:
            try:
                site = self._recorded.value("sites", record.value)
            except Undecodable as error:
                return DeadLetterCause("UNDECODABLE", str(error))
            refused = admit(site, key_text(record.key))
        if refused is None and partition_of(record.key or b"", self._partitions) != self._number:
            return DeadLetterCause("WRONG_PARTITION", "")
        return refused or site

    def _can_be_gone(self, offset: int) -> bool:
        """Whether compaction may have removed a record of ``sites`` from an offset."""
        return offset < self._sites_end and offset not in self._site_offsets

    def _take_command(self, record: LogRecord) -> None:
        value = self.value(record)
        if value is None:
            return
        if value[0] in self.commands:
            self._report.differ(value.site_id, None, record, value[0], Mismatch("TWICE"))
        else:
            self.commands[value[0]] = record
