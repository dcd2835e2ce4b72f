"""When the site records behind dead letters were sent, from their own records on ``sites``.

A letter's timestamp is that of the worker which wrote it, perhaps long after the record came. A record that was put
back has that of its replay: it came when the letter before it did, whose place it names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from schemas.contract.topics import Log
from streams.dlq.log import find
from streams.escalation.values import Instant
from streams.kafka.dead_letters import REPLAYED_FROM, Letter, LetterId, parse_id
from streams.kafka.reading import LogRecord, Logs, Span

TOPIC: Final = "sites"

_SKEW_MS: Final = 600_000  # the clock of a producer may be ahead of a worker's

Place: TypeAlias = tuple[int, int]  # partition, offset


class Arrival(NamedTuple):
    """A record of ``sites``: its place, when it was written, and the letter it was before, if it was put back.

    ``partition`` is below 0 where the place is one of a log that was there before this one.
    """

    key: bytes | None
    partition: int
    offset: int
    at: Instant | None  # None: its log does not have it any more
    before: LetterId | None = None


def arrival(record: LogRecord) -> Arrival:
    """What a record of ``sites`` says of itself."""
    return Arrival(record.key, record.partition, record.offset, record.timestamp, _before(record))


def is_later(one: Arrival, other: Arrival) -> bool:
    """Whether one came after the other, or may have: of two partitions only the times can tell."""
    if one.partition == other.partition:
        return one.offset > other.offset
    return one.at is None or other.at is None or one.at >= other.at


class Origins:
    """Follows records that were put back to those that their producers sent."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._partitions = logs.require([TOPIC])
        self._of_letters: dict[LetterId, Arrival] = {}

    def learn(self, letters: Iterable[Letter]) -> None:
        """Read the records behind letters of ``sites``, and those behind the letters that these were before."""
        while unread := [letter for letter in letters if letter.topic == TOPIC and letter.id not in self._of_letters]:
            ends = self._logs.offsets.high_watermarks({(TOPIC, number) for number in range(self._partitions)})
            records = self._read({(letter.partition, letter.offset) for letter in unread}, ends)
            for letter in unread:
                record = records.get((letter.partition, letter.offset))
                if letter.offset >= ends.get((TOPIC, letter.partition), 0) or (record and not _is_of(letter, record)):
                    # The topic was recreated since: no offset of its log compares with one of the log before.
                    record = Arrival(letter.key, -1 - letter.partition, letter.offset, None)
                self._of_letters[letter.id] = record or Arrival(letter.key, letter.partition, letter.offset, None)
            letters = self._letters_before(self._of_letters[letter.id] for letter in unread)

    def learn_before(self, records: Iterable[Arrival]) -> None:
        """Do so for the letters that records were before they were put back."""
        self.learn(self._letters_before(records))

    def of_letter(self, letter: LetterId) -> Arrival:
        """The record that the producer sent of a letter that was learnt; without a time if the way there is lost."""
        record = self.of(self._of_letters[letter])
        return record if record.before is None else record._replace(at=None)

    def of(self, record: Arrival) -> Arrival:
        """The record that the producer sent; if the way there is lost, one that was written no earlier."""
        seen: set[LetterId] = set()  # a stranger's header may lead in a circle, or to another site's letter
        while record.before is not None:
            earlier = self._of_letters.get(record.before)
            if earlier is None or record.before in seen or earlier.key != record.key:
                break
            seen.add(record.before)
            record = earlier
        return record

    def _letters_before(self, records: Iterable[Arrival]) -> Iterable[Letter]:
        unread = {record.before for record in records if record.before is not None} - self._of_letters.keys()
        return find(self._logs, unread).letters.values() if unread else ()

    def _read(self, places: set[Place], ends: Mapping[Log, int]) -> dict[Place, Arrival]:
        """The records at these places that are still there."""
        offsets: defaultdict[int, set[int]] = defaultdict(set)
        for number, offset in places:
            if number < self._partitions:
                offsets[number].add(offset)
        wanted = [(TOPIC, number) for number in offsets]
        begins = self._logs.offsets.first(wanted)
        found: dict[Place, Arrival] = {}
        for log in wanted:
            asked_for = offsets[log[1]]
            span = Span(*log, max(min(asked_for), begins[log]), min(max(asked_for) + 1, ends[log]))
            for record in self._logs.read(span):
                if record.offset in asked_for:
                    found[record.partition, record.offset] = arrival(record)
        return found


def _is_of(letter: Letter, record: Arrival) -> bool:
    """Whether the record at a letter's place is the one that it holds: of its key, and not written after it."""
    return record.key == letter.key and (record.at is None or record.at <= letter.at + _SKEW_MS)


def _before(record: LogRecord) -> LetterId | None:
    """The letter that a record names as the one it was; None for one that was not put back."""
    for name, value in reversed(record.headers):
        if name == REPLAYED_FROM and isinstance(value, bytes):
            try:
                return parse_id(value.decode())
            except ValueError:
                return None
    return None
