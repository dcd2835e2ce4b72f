"""Which site records `ronde dlq replay` puts back, and in which order: an older one never replaces a later one.

The logs and the producer are of memory; `tests.kafka.test_dlq_sites` has the real ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from schemas.contract.murmur2 import partition
from streams.dlq import settlement
from streams.dlq.fenced_producer import Outgoing, PartitionOffset, Then
from streams.formats.message import Headers
from streams.kafka.dead_letters import LetterId
from streams.kafka.reading import LogRecord, Span

PARTITIONS = 3
HOME = partition(b"S1", PARTITIONS)
LOW, HIGH = sorted({0, 1, 2} - {HOME})  # two partitions that S1 does not belong to


class Memory:
    """Logs, their offsets, and a producer: what a settlement needs of Kafka."""

    def __init__(self) -> None:
        self.logs: defaultdict[tuple[str, int], list[LogRecord | None]] = defaultdict(list)
        self.now = 10_000
        self.offsets = self.settings = self
        self.committed: Callable[[], None] = lambda: None  # after each transaction
        self._spans = 0

    def put(self, topic: str, number: int, at: int, value: bytes, headers: Headers | None = None) -> LogRecord:
        """A record of S1."""
        log = self.logs[topic, number]
        record = LogRecord(topic, number, len(log), at, b"S1", value, headers or [])
        log.append(record)
        return record

    def letter(self, record: LogRecord, at: int = 9_000) -> LetterId:
        """What the worker writes of a record."""
        told = {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "reason": "x",
            "error": "",
        }
        marks: Headers = [(f"dlq.{name}", str(text).encode()) for name, text in told.items()]
        written = self.put("dead-letters", record.partition, at, record.value or b"", [*record.headers, *marks])
        return LetterId(written.partition, written.offset)

    def delete(self, record: LogRecord) -> None:
        """Compaction takes a record."""
        self.logs[record.topic, record.partition][record.offset] = None

    def at_home(self) -> list[bytes | None]:
        """The values of S1 in its partition, oldest first."""
        return [record.value for record in self.logs["sites", HOME] if record is not None]

    # --- as Logs and Offsets ------------------------------------------------------------------------

    def topic(self, name: str) -> str:
        return name

    def require(self, _topics: Iterable[str]) -> int:
        return PARTITIONS

    def first(self, logs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return dict.fromkeys(logs, 0)

    def high_watermarks(self, logs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {log: len(self.logs[log]) for log in logs}

    def read(self, span: Span) -> Iterator[LogRecord]:
        self._spans += 1
        ours = self._spans
        for record in self.logs[span.topic, span.partition][span.begin : span.end]:
            if self._spans != ours:
                return
            if record is not None:
                yield record

    # --- as the producer ----------------------------------------------------------------------------

    def commit(self, records: list[Outgoing], then: Then) -> list[PartitionOffset]:
        places = [self._write(record) for record in records]
        for note in then(places):
            self._write(note)
        self.committed()
        return places

    def _write(self, record: Outgoing) -> PartitionOffset:
        self.now += 1
        log = self.logs[record.topic, record.partition]
        headers: Headers = [(name, text.encode() if isinstance(text, str) else text) for name, text in record.headers]
        place = PartitionOffset(record.partition, len(log))
        log.append(LogRecord(record.topic, *place, self.now, record.key, record.value, headers))
        return place


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    memory = Memory()
    monkeypatch.setattr(settlement, "FencedProducer", lambda *_: memory)
    return memory


def replayed(memory: Any, *ids: LetterId) -> dict[LetterId, str]:
    return {one.id: one.outcome for one in settlement.Settlement(memory).replay(ids)}


def test_a_letter_written_after_a_later_record_of_its_site_does_not_replace_it(memory: Memory) -> None:
    """The worker was behind: the letter is younger than the record, what it holds is not."""
    misplaced = memory.put("sites", LOW, 1000, b"v1")
    memory.put("sites", HOME, 2000, b"v2")
    old = memory.letter(misplaced, at=3000)
    assert replayed(memory, old) == {old: "superseded"}
    assert memory.at_home() == [b"v2"]


def test_a_letter_that_came_after_the_record_in_force_is_put_back(memory: Memory) -> None:
    memory.put("sites", HOME, 1000, b"v1")
    new = memory.letter(memory.put("sites", LOW, 2000, b"v2"))
    assert replayed(memory, new) == {new: "replayed"}
    assert memory.at_home() == [b"v1", b"v2"]


def test_a_letter_whose_own_record_is_gone_replaces_nothing(memory: Memory) -> None:
    misplaced = memory.put("sites", LOW, 5000, b"v2")
    unknown = memory.letter(misplaced)
    memory.delete(misplaced)
    memory.put("sites", HOME, 1000, b"v1")
    assert replayed(memory, unknown) == {unknown: "superseded"}
    memory.logs["sites", HOME].clear()
    assert replayed(memory, unknown) == {unknown: "replayed"}


@pytest.mark.parametrize("again", [[b"v1"], [b"v1", b"v2"]])
def test_a_letter_of_a_topic_that_was_recreated_replaces_nothing(memory: Memory, again: list[bytes]) -> None:
    """Its offset is of the log before: behind the end of this one, or that of a record that came later."""
    memory.put("sites", HOME, 1000, b"old")
    old = memory.letter(memory.put("sites", HOME, 2000, b"older address"), at=2500)
    memory.logs["sites", HOME].clear()
    for value in again:
        memory.put("sites", HOME, 5_000_000, value)
    assert replayed(memory, old) == {old: "superseded"}


def test_a_record_put_back_whose_letter_is_gone_counts_from_then(memory: Memory) -> None:
    old = memory.letter(memory.put("sites", HIGH, 1000, b"v1"))
    assert replayed(memory, old) == {old: "replayed"}
    memory.logs["dead-letters", HIGH] = [None] * len(memory.logs["dead-letters", HIGH])
    new = memory.letter(memory.put("sites", LOW, memory.now + 1000, b"v2"), at=memory.now + 2000)
    assert replayed(memory, new) == {new: "replayed"}
    assert memory.at_home() == [b"v1", b"v2"]


def test_a_header_that_names_another_site_s_letter_says_nothing(memory: Memory) -> None:
    other = memory.put("sites", LOW, 1000, b"v")
    memory.logs["sites", LOW][-1] = other._replace(key=b"S2")
    letter = memory.letter(other)
    record = memory.logs["dead-letters", LOW][-1]
    assert record is not None
    memory.logs["dead-letters", LOW][-1] = record._replace(key=b"S2")
    memory.put("sites", HOME, 5000, b"new", [("dlq.replayed-from", str(letter).encode())])
    old = memory.letter(memory.put("sites", HIGH, 2000, b"old"))
    assert replayed(memory, old) == {old: "superseded"}


@pytest.mark.parametrize("first", [LOW, HIGH])
def test_letters_of_a_site_are_put_back_in_the_order_in_which_their_records_came(memory: Memory, first: int) -> None:
    second = LOW + HIGH - first
    records = [
        memory.put("sites", first, 1000, b"v1"),
        memory.put("sites", second, 2000, b"v2"),
        memory.put("sites", first, 3000, b"v3"),
    ]
    letters = [memory.letter(record) for record in reversed(records[:2])] + [memory.letter(records[2])]
    assert replayed(memory, *letters) == dict.fromkeys(letters, "replayed")
    assert memory.at_home() == [b"v1", b"v2", b"v3"]


@pytest.mark.parametrize("is_gone", [True, False])
def test_letters_of_a_site_whose_order_is_not_known_stay(memory: Memory, is_gone: bool) -> None:
    records = [memory.put("sites", LOW, 1000, b"a"), memory.put("sites", HIGH, 1000 + is_gone, b"b")]
    letters = [memory.letter(record) for record in records]
    if is_gone:
        memory.delete(records[0])
    assert replayed(memory, *letters) == dict.fromkeys(letters, "superseded")
    assert memory.at_home() == []
    assert replayed(memory, letters[1]) == {letters[1]: "replayed"}, "who names one of them says which"
    assert replayed(memory, letters[0]) == {letters[0]: "superseded"}


def test_a_record_put_back_counts_by_when_its_producer_sent_it(memory: Memory) -> None:
    older, newer = memory.put("sites", HIGH, 1000, b"v1"), memory.put("sites", LOW, 2000, b"v2")
    old, new = memory.letter(older), memory.letter(newer)
    assert replayed(memory, old) == {old: "replayed"}
    back = memory.logs["sites", HOME][-1]
    assert back is not None
    again = memory.letter(back)
    assert replayed(memory, new) == {new: "replayed"}, "that the older was put back later is no hindrance"
    assert replayed(memory, again) == {again: "superseded"}
    assert memory.at_home() == [b"v1", b"v2"]


def test_headers_that_lead_in_a_circle_are_followed_once(memory: Memory) -> None:
    loop = memory.letter(memory.put("sites", LOW, 1000, b"v", [("dlq.replayed-from", f"{LOW}-0".encode())]))
    assert loop == LetterId(LOW, 0)
    assert replayed(memory, loop) == {loop: "replayed"}


def test_what_comes_while_a_replay_runs_is_not_replaced(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "_LETTERS", 2)
    letters = [memory.letter(memory.put("sites", LOW, 1000 + number, b"v")) for number in range(4)]

    def configure_again() -> None:
        memory.put("sites", HOME, 2000, b"new")

    memory.committed = configure_again
    assert list(replayed(memory, *letters).values()) == ["replayed", "replayed", "superseded", "superseded"]
    assert memory.at_home() == [b"v", b"v", b"new"]


def test_reading_sites_in_between_loses_no_letter(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "_LETTERS", 2)
    letters = [memory.letter(memory.put("sites", number, at, b"v")) for at, number in enumerate([LOW, HIGH, LOW] * 3)]
    assert replayed(memory, *letters) == dict.fromkeys(letters, "replayed")
    assert len(memory.at_home()) == 9
