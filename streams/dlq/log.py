"""Read ``dead-letters``: the dead letters, and the notes on their settlement.

A note follows its letter in the letter's partition, so reading from a letter on finds its notes too. Everything up to
the high watermarks is read, so that no note is missed behind an open transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from streams.kafka.dead_letters import Letter, LetterFilter, LetterId, Note, read
from streams.kafka.reading import Logs, Span

TOPIC: Final = "dead-letters"


class Survey(NamedTuple):
    """Letters by id, in order, without values and headers; and the first note of each that has one."""

    letters: dict[LetterId, Letter]
    notes: dict[LetterId, Note]


def survey(logs: Logs, letters: LetterFilter) -> Survey:
    """Return all letters that fit the filter."""
    all_logs = [(TOPIC, number) for number in range(logs.require([TOPIC]))]
    begins = logs.offsets.first(all_logs) if letters.since is None else logs.offsets.at(all_logs, letters.since)
    return _look(logs, {number: begin for (_, number), begin in begins.items()}, letters.fits)


def find(logs: Logs, ids: Iterable[LetterId]) -> Survey:
    """Return the existing ones of the letters named."""
    names = set(ids)
    begins: dict[int, int] = {}
    partitions = logs.require([TOPIC])
    for number, offset in names:
        if number < partitions:
            begins[number] = min(offset, begins.get(number, offset))
    first = logs.offsets.first([(TOPIC, number) for number in begins])
    begins = {number: max(offset, first[TOPIC, number]) for number, offset in begins.items()}
    return _look(logs, begins, lambda letter: letter.id in names)


def whole(logs: Logs, ids: Iterable[LetterId]) -> Iterator[Letter]:
    """Yield the letters named, whole, in order; missing ones are left out."""
    by_partition: dict[int, list[int]] = {}
    for number, offset in sorted(ids):
        by_partition.setdefault(number, []).append(offset)
    for number, offsets in by_partition.items():
        named = set(offsets)
        for record in logs.read(Span(TOPIC, number, offsets[0], offsets[-1] + 1)):
            letter = read(record) if record.offset in named else None
            if isinstance(letter, Letter):
                yield letter


def _look(logs: Logs, begins: Mapping[int, int], is_asked_for: Callable[[Letter], bool]) -> Survey:
    result = Survey({}, {})
    ends = logs.offsets.high_watermarks([(TOPIC, number) for number in begins])
    for number, begin in sorted(begins.items()):
        for record in logs.read(Span(TOPIC, number, begin, ends[TOPIC, number])):
            one = read(record)
            if isinstance(one, Letter):
                if is_asked_for(one):
                    result.letters[one.id] = one._replace(value=None, headers=[])
            elif one is not None and one.letter in result.letters:
                result.notes.setdefault(one.letter, one)
    return result
