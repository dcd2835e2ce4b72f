"""Dead letters in a table, and their counts. `ronde.views.dead_letters.letter` shows one whole."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from rich.text import Text

from ronde.shared.plain import one_line
from ronde.shared.terminal import Listing, Terminal
from ronde.shared.times import date_and_time
from service import rfc3339
from streams.dlq.log import Survey
from streams.kafka.dead_letters import Letter, Note

_LONGEST_TABLE: Final = 50  # letters; --json lists all
_LONGEST_TEXT: Final = 60  # characters of an error or a reason in the table
_NARROW: Final = frozenset({"id", "at", "record", "reason"})
_FRAME: Final = re.compile(r'  File "(?:.*[/\\])?([^"]*)", line (\d+), in (.*)')
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


def error_of(letter: Letter, *, personal: bool) -> str:
    """The error of a letter. Of a core that failed only the places and the kind: the message may quote the record."""
    if letter.reason != "FAILED" or personal:
        return letter.error
    frames: list[str] = []
    kind = "an exception"
    lines = letter.error.splitlines()
    for number, line in enumerate(lines):
        if match := _FRAME.fullmatch(line):
            frames.append(f"{match[1]}:{match[2]} {match[3]}")
            kind = next((_kind(later) for later in lines[number + 1 :] if not later.startswith(" ")), kind)
    return f"{kind} at {' > '.join(frames[-4:]) or 'an unknown place'}"


def _kind(line: str) -> str:
    match = _NAME.match(line)
    return match[0] if match else "an exception"


def state_of(note: Note | None) -> str:
    """The state of a letter in a word."""
    return "open" if note is None else note.fate


def as_object(letter: Letter, note: Note | None) -> dict[str, Any]:
    """A letter as a program reads it, without its key, headers and value."""
    return {
        "id": str(letter.id),
        "at": rfc3339.write(letter.at),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "site_id": letter.site_id,
        "reason": letter.reason,
        "error": error_of(letter, personal=False),
        "state": state_of(note),
        "settled": None if note is None else _settled(note),
    }


def counts(survey: Survey) -> list[dict[str, Any]]:
    """How many letters of each reason and topic are open, replayed and discarded."""
    numbers = Counter(
        (letter.reason, letter.topic, state_of(survey.notes.get(name))) for name, letter in survey.letters.items()
    )
    kinds = sorted({(reason, topic) for reason, topic, _ in numbers})
    return [
        {"reason": reason, "topic": topic, **{fate: numbers[reason, topic, fate] for fate in _FATES}}
        for reason, topic in kinds
    ]


_FATES: Final = ("open", "replayed", "discarded")


def print_list(survey: Survey, *, all_of_them: bool) -> None:
    """Print the latest letters, and the counts of all."""
    console = Terminal()
    rows = [(letter, survey.notes.get(name)) for name, letter in survey.letters.items()]
    rows = [(letter, note) for letter, note in rows if all_of_them or note is None]
    rows.sort(key=lambda row: (row[0].at, row[0].id))
    if len(rows) > _LONGEST_TABLE:
        console.print(f"the latest {_LONGEST_TABLE} of {len(rows):,}; --json lists all")
    if rows:
        table = Listing()
        for column in ("id", "at", "record", "site", "reason", "error"):
            table.add_column(column, no_wrap=column in _NARROW)
        if all_of_them:
            table.add_column("state")
        for letter, note in rows[-_LONGEST_TABLE:]:
            state = [Text(state_of(note), style="dim" if note else "bold")] if all_of_them else []
            table.add_row(*_row(letter), *state, style="dim" if note else None)
        console.print(table)
        console.print()
    summary = Listing("reason", "topic", *_FATES)
    for count in counts(survey):
        summary.add_row(_short(count["reason"]), one_line(count["topic"]), *(f"{count[fate]:,}" for fate in _FATES))
    console.print(summary if survey.letters else "no dead letters")


def _row(letter: Letter) -> list[Text]:
    site = "-" if letter.site_id is None else letter.site_id
    return [
        Text(str(letter.id)),
        Text(date_and_time(letter.at)),
        Text(one_line(f"{letter.topic}-{letter.partition}-{letter.offset}")),
        Text(one_line(site)),
        Text(_short(letter.reason)),
        Text(_short(error_of(letter, personal=False))),
    ]


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"


def _settled(note: Note) -> dict[str, Any]:
    fields = {"at": rfc3339.write(note.at), "to": note.place, "who": note.who, "why": note.why}
    return {name: value for name, value in fields.items() if value is not None}
