"""The records of ``dead-letters``: dead letters, and the notes that say what became of them.

A dead letter is a record as it came with five headers more (contracts.md, Topics). A note is a record of this topic
too, with the key and in the partition of its letter, so that it stays behind it for as long as both are kept: no
value, and the header ``dlq.replayed`` or ``dlq.discarded`` with the letter's id. A note is no dead
letter: a program that counts dead letters looks for ``dlq.topic``.

A letter's id is ``<partition>-<offset>`` of its own place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from streams.escalation.values import Instant
from streams.formats.dead_letter_size import CUT
from streams.formats.message import Headers
from streams.formats.validation import key_text
from streams.kafka.reading import LogRecord

PREFIX: Final = "dlq."
# What an input has that was put back: the letter that it was.
REPLAYED_FROM: Final = "dlq.replayed-from"
REPLAYED_TO: Final = "dlq.replayed-to"
WHY: Final = "dlq.why"
WHO: Final = "dlq.who"
_MARKS: Final = ("dlq.topic", "dlq.partition", "dlq.offset", "dlq.reason", "dlq.error")
_ID: Final = re.compile(r"(0|[1-9][0-9]{0,9})-(0|[1-9][0-9]{0,18})", re.ASCII)
_LAST_PARTITION: Final = 2**31 - 1  # as Kafka has room for
_LAST_OFFSET: Final = 2**63 - 1

Fate: TypeAlias = Literal["replayed", "discarded"]
_FATES: Final[tuple[Fate, ...]] = ("replayed", "discarded")
# All headers that ronde writes: a producer may have others that begin so.
_OWN: Final = {*_MARKS, CUT, REPLAYED_FROM, REPLAYED_TO, WHY, WHO, *(f"{PREFIX}{fate}" for fate in _FATES)}


class LetterId(NamedTuple):
    """A letter's place on ``dead-letters``."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


class Letter(NamedTuple):
    """A dead letter. ``topic`` (without prefix), ``partition`` and ``offset`` are those of the record it was."""

    id: LetterId
    at: Instant
    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    key: bytes | None
    value: bytes | None
    headers: Headers  # of the record it was
    cut: str | None = None  # what of it is not here, with the sizes it had (contracts.md, Topics)

    @property
    def site_id(self) -> str | None:
        """The site; None where the key names none."""
        return key_text(self.key)

    @property
    def replayed_from(self) -> str | None:
        """The letter that it was before, of one that was replayed and failed again."""
        return next((_text(value) for name, value in reversed(self.headers) if name == REPLAYED_FROM), None)


class Note(NamedTuple):
    """What became of a letter: put back to ``place``, or discarded by ``who`` because of ``why``."""

    letter: LetterId
    fate: Fate
    at: Instant
    place: str | None = None  # <topic>-<partition>-<offset>
    why: str | None = None
    who: str | None = None


class LetterFilter(NamedTuple):
    """Which letters are asked for; None: whichever. ``since`` is inclusive, ``until`` is not."""

    reason: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    site: str | None = None
    topic: str | None = None

    def fits(self, letter: Letter) -> bool:
        """Whether a letter is asked for."""
        return (
            self.reason in {None, letter.reason}
            and self.topic in {None, letter.topic}
            and self.site in {None, letter.site_id}
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )


def parse_id(text: str) -> LetterId:
    """Read ``<partition>-<offset>``. Raises `ValueError`."""
    match = _ID.fullmatch(text)
    if match is None or int(match[1]) > _LAST_PARTITION or int(match[2]) > _LAST_OFFSET:
        raise ValueError(
            f"{text!r} is no id of a dead letter: it is <partition>-<offset>, as `ronde dlq list` shows it"
        )
    return LetterId(int(match[1]), int(match[2]))


def read(record: LogRecord) -> Letter | Note | None:
    """What a record of ``dead-letters`` is; None for one that is neither, which no worker and no replay wrote.

    A letter's own headers are its last, five or six of them, behind any headers of the record.
    """
    headers, cut = record.headers, None
    if headers and headers[-1][0] == CUT:
        *headers, (_, cut) = headers
    own = headers[-len(_MARKS) :]
    if tuple(name for name, _ in own) == _MARKS:
        topic, partition, offset, reason, error = (_text(value) for _, value in own)
        if place := _ID.fullmatch(f"{partition}-{offset}"):
            return Letter(
                LetterId(record.partition, record.offset),
                record.timestamp,
                topic,
                int(place[1]),
                int(place[2]),
                reason,
                error,
                record.key,
                record.value,
                headers[: -len(_MARKS)],
                None if cut is None else _text(cut),
            )
    return _note(record) if record.value is None else None


def note_headers(letter: LetterId, fate: Fate, *, place: str = "", why: str = "", who: str = "") -> Headers:
    """The headers of a note; `read` reads them."""
    texts = {REPLAYED_TO: place, WHY: why, WHO: who}
    return [(f"{PREFIX}{fate}", str(letter)), *((name, text) for name, text in texts.items() if text)]


def headers_to_replay(letter: Letter) -> Headers:
    """The headers of the record as it came, without any that ronde writes, and the mark that it is put back."""
    own = [header for header in letter.headers if header[0] not in _OWN]
    return [*own, (REPLAYED_FROM, str(letter.id))]


def _note(record: LogRecord) -> Note | None:
    headers = cast("Sequence[tuple[str, str | bytes | None]]", record.headers)
    texts = {name: _text(value) for name, value in headers}
    for fate in _FATES:
        match = _ID.fullmatch(texts.get(f"{PREFIX}{fate}", ""))
        if match is not None and int(match[1]) == record.partition:
            letter = LetterId(int(match[1]), int(match[2]))
            return Note(letter, fate, record.timestamp, texts.get(REPLAYED_TO), texts.get(WHY), texts.get(WHO))
    return None


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
