"""Settling dead letters: each is put back on its topic, or discarded, once.

A letter's settlement and the note of it are one transaction, so neither is ever there without the other. All
settlements of a topic have the same ``transactional.id``: a later one fences an earlier one, whose open transaction is
aborted and whose next one is refused. Only then the notes are read, up to the high watermark.
So what a settlement takes for unsettled is unsettled for as long as its transactions are accepted
(`streams.kafka.dead_letters` says what notes are).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import INPUT_TOPICS
from streams.dlq.fenced_producer import FencedProducer, Outgoing, PartitionOffset, TooLargeError
from streams.dlq.log import TOPIC, Survey, find, whole
from streams.dlq.superseded import superseded
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
    "not there",  # never, or deleted by the topic's retention
    "state",  # a state record; only inputs are put back
    "cut",  # only a part of it is in the letter
    "superseded",  # its site has a later record
    "too large",  # with the mark that it was put back, the topic does not take it
]


class SettlementResult(NamedTuple):
    """What became of a letter to be settled; ``place`` (``<topic>-<partition>-<offset>``): where it was put."""

    id: LetterId
    outcome: Outcome
    place: str | None = None


class Settlement:
    """From making it on, no one else settles letters of this topic.

    Making and using one raises `streams.dlq.fenced_producer.FencedError` when the broker refuses or somebody else came
    later; what was given until then is done. Reading may raise what `Logs` raises.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._settings = logs.settings
        self._partitions = logs.require([*INPUT_TOPICS, TOPIC])
        self._producer = FencedProducer(logs.settings, f"{self._settings.topic(TOPIC)}/settlement")

    def replay(self, ids: Iterable[LetterId]) -> Iterator[SettlementResult]:
        """Put letters back: key, value and headers as they came, on their topic, in the partition of their key."""
        names = sorted(set(ids))
        found = find(self._logs, names)
        stale = superseded(self._logs, found.letters.values())
        open_ones: list[LetterId] = []
        for name in names:
            outcome = _hindrance(name, found, stale)
            if outcome is None:
                open_ones.append(name)
            else:
                yield SettlementResult(name, outcome)
        for batch in _batches(whole(self._logs, open_ones)):
            yield from self._put_back(batch)

    def discard(self, ids: Iterable[LetterId], *, why: str, who: str) -> Iterator[SettlementResult]:
        """Leave letters where they are, with a note that nobody will put them back, who said so, and why."""
        names = sorted(set(ids))
        found = find(self._logs, names)
        for begin in range(0, len(names), _LETTERS):
            settled = [
                SettlementResult(name, _settled(name, found) or "discarded") for name in names[begin : begin + _LETTERS]
            ]
            notes = [
                self._note(found.letters[name], note_headers(name, "discarded", why=why, who=who))
                for name, outcome, _ in settled
                if outcome == "discarded"
            ]
            if notes:
                self._producer.commit(notes)
            yield from settled

    def _put_back(self, batch: list[Letter]) -> Iterator[SettlementResult]:
        """One transaction, or another one without a letter that the topic does not take."""
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
        """The record as it came, and the mark that it was put back."""
        number = letter.partition if letter.key is None else partition_of(letter.key, self._partitions)
        topic = self._settings.topic(letter.topic)
        return Outgoing(topic, number, letter.key, letter.value, headers_to_replay(letter))

    def _note(self, letter: Letter, headers: Headers) -> Outgoing:
        return Outgoing(self._settings.topic(TOPIC), letter.id.partition, letter.key, None, headers)


def _settled(name: LetterId, found: Survey) -> Outcome | None:
    """What a letter has come to before; None: it is there, and nothing yet."""
    if name not in found.letters:
        return "not there"
    note = found.notes.get(name)
    if note is None:
        return None
    return "already replayed" if note.fate == "replayed" else "already discarded"


def _hindrance(name: LetterId, found: Survey, stale: set[LetterId]) -> Outcome | None:
    """Why a letter is not put back; None: it is."""
    settled = _settled(name, found)
    if settled is not None:
        return settled
    if found.letters[name].topic not in INPUT_TOPICS:
        return "state"
    if found.letters[name].cut is not None:
        return "cut"
    return "superseded" if name in stale else None


def _batches(letters: Iterator[Letter]) -> Iterator[list[Letter]]:
    """Letters by transactions."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.value or b"")
        if len(batch) == _LETTERS or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _named(letter: Letter, place: PartitionOffset) -> str:
    return f"{letter.topic}-{place.partition}-{place.offset}"
