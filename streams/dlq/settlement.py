"""Settling dead letters: each is put back on its topic, or discarded, once.

A letter's settlement and its note are one transaction, so neither exists without the other. All settlements of a topic
share a ``transactional.id``: a later one fences an earlier one, whose open transaction is aborted and whose next one is
refused. It reads the notes after that, up to the high watermark. So a letter without a note stays unsettled for as long
as this settlement's transactions are accepted (`streams.kafka.dead_letters` defines notes).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import INPUT_TOPICS
from streams.dlq.fenced_producer import FencedProducer, Outgoing, PartitionOffset, TooLargeError
from streams.dlq.log import TOPIC, Survey, find, whole
from streams.dlq.superseded import SiteOrder
from streams.kafka.dead_letters import Letter, LetterId, headers_to_replay, note_headers

if TYPE_CHECKING:
    from streams.formats.message import Headers
    from streams.kafka.reading import Logs

# Of one transaction: readers of the input topics wait for it.
_LETTERS: Final = 100
_BYTES: Final = 2_000_000

Outcome: TypeAlias = Literal[
    "replayed",
    "discarded",
    "already replayed",
    "already discarded",
    "not there",  # it never existed, or retention deleted it
    "state",  # a state record; only inputs are put back
    "cut",  # the letter holds only a part of it
    "superseded",  # its site has a later record, or one that may be later
    "too large",  # with the mark, it exceeds the topic's limit
    "note too large",  # its note, which has its key, exceeds the limit of dead-letters
]


class SettlementResult(NamedTuple):
    """The outcome for a letter; ``place`` (``<topic>-<partition>-<offset>``): where it was written."""

    id: LetterId
    outcome: Outcome
    place: str | None = None


class Settlement:
    """Settles letters of one topic; creating it fences all others.

    Creating and using it raises `streams.dlq.fenced_producer.FencedError` when the broker refuses, or a later
    settlement fences it; results yielded before are done. Reading may raise what `Logs` raises.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._settings = logs.settings
        self._partitions = logs.require([*INPUT_TOPICS, TOPIC])
        self._producer = FencedProducer(logs.settings, f"{self._settings.topic(TOPIC)}/settlement")

    def replay(self, ids: Iterable[LetterId]) -> Iterator[SettlementResult]:
        """Put letters back: unchanged key, value and headers, on their topic, in the partition of their key."""
        names = sorted(set(ids))
        found = find(self._logs, names)
        open_ones: list[LetterId] = []
        for name in names:
            outcome = _hindrance(name, found)
            if outcome is None:
                open_ones.append(name)
            else:
                yield SettlementResult(name, outcome)
        order = SiteOrder(self._logs, [found.letters[name] for name in open_ones])
        rounds, unknown = order.rounds(open_ones)
        yield from (SettlementResult(name, "superseded") for name in unknown)
        for batch in (batch for group in rounds for batch in self._batches(group)):
            # Once more before each transaction, as sites may be changed meanwhile. What is written between this and
            # the transaction, milliseconds later, is not seen.
            stale = order.superseded(batch)
            yield from (SettlementResult(letter.id, "superseded") for letter in batch if letter.id in stale)
            yield from self._put_back([letter for letter in batch if letter.id not in stale])

    def discard(self, ids: Iterable[LetterId], *, why: str, who: str) -> Iterator[SettlementResult]:
        """Note that letters are never put back, with who decided it and why."""
        names = sorted(set(ids))
        found = find(self._logs, names)
        for begin in range(0, len(names), _LETTERS):
            outcomes = {name: _settled(name, found) for name in names[begin : begin + _LETTERS]}
            while batch := [name for name, outcome in outcomes.items() if outcome is None]:
                notes = [
                    self._note(found.letters[name], note_headers(name, "discarded", why=why, who=who)) for name in batch
                ]
                try:
                    self._producer.commit(notes)
                except TooLargeError as refused:
                    outcomes |= {batch[number]: "note too large" for number in refused.numbers}
                else:
                    outcomes |= dict.fromkeys(batch, "discarded")
            yield from (SettlementResult(name, outcome) for name, outcome in outcomes.items() if outcome is not None)

    def _batches(self, names: list[LetterId]) -> Iterator[list[Letter]]:
        """Yield letters by transactions. Other logs may be read in between, as one span is read at a time."""
        while batch := _first_batch(whole(self._logs, names)):
            yield batch
            names = names[bisect_right(names, batch[-1].id) :]

    def _put_back(self, batch: list[Letter]) -> Iterator[SettlementResult]:
        """Write one transaction; repeat it without the letters that are too large for the topic."""
        while batch:
            letters = list(batch)

            def notes(places: list[PartitionOffset], letters: list[Letter] = letters) -> list[Outgoing]:
                return [
                    self._note(letter, note_headers(letter.id, "replayed", place=_named(letter, place)))
                    for letter, place in zip(letters, places, strict=True)
                ]

            try:
                places = self._producer.commit([self._input(letter) for letter in letters], notes)
            except TooLargeError as refused:
                batch = [letter for number, letter in enumerate(letters) if number not in refused.numbers]
                yield from (SettlementResult(letters[number].id, "too large") for number in refused.numbers)
            else:
                for letter, place in zip(letters, places, strict=True):
                    yield SettlementResult(letter.id, "replayed", _named(letter, place))
                return

    def _input(self, letter: Letter) -> Outgoing:
        """The original record, with the header that marks it as put back."""
        number = letter.partition if letter.key is None else partition_of(letter.key, self._partitions)
        topic = self._settings.topic(letter.topic)
        return Outgoing(topic, number, letter.key, letter.value, headers_to_replay(letter))

    def _note(self, letter: Letter, headers: Headers) -> Outgoing:
        return Outgoing(self._settings.topic(TOPIC), letter.id.partition, letter.key, None, headers)


def _settled(name: LetterId, found: Survey) -> Outcome | None:
    """The outcome of an earlier settlement; None: the letter exists and is unsettled."""
    if name not in found.letters:
        return "not there"
    note = found.notes.get(name)
    if note is None:
        return None
    return "already replayed" if note.fate == "replayed" else "already discarded"


def _hindrance(name: LetterId, found: Survey) -> Outcome | None:
    """The reason why a letter cannot be put back; None: it can."""
    settled = _settled(name, found)
    if settled is not None:
        return settled
    if found.letters[name].topic not in INPUT_TOPICS:
        return "state"
    return "cut" if found.letters[name].cut is not None else None


def _first_batch(letters: Iterator[Letter]) -> list[Letter]:
    """The letters of one transaction."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.value or b"")
        if len(batch) == _LETTERS or size >= _BYTES:
            break
    return batch


def _named(letter: Letter, place: PartitionOffset) -> str:
    return f"{letter.topic}-{place.partition}-{place.offset}"
