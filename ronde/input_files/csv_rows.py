"""Rows of a CSV file: UTF-8, cells separated by ``,``, ``;`` or tabs, the first row names the columns."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ronde.shared.errors import WrongUse
from ronde.shared.suggestions import suggestion

_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Row(NamedTuple):
    """A row's cells that are not empty, by column, and the line it ends in, counted from 1.

    In place of the cells, the fault of the row, or of the file from there on.
    """

    line: int
    cells: dict[str, str] | WrongCellError | WrongUse


class WrongCellError(Exception):
    """A cell that does not fit its column, or a row that cannot be taken; the message does not quote it."""


def rows_of(lines: Iterable[bytes], columns_of: Callable[[Sequence[str]], list[str]]) -> Iterator[Row]:
    """Yield the rows below the header, with their cells by column; the last one may say why the rest is missing.

    ``columns_of`` makes the names of the columns of the first row's cells; it raises `WrongUse`.
    """
    texts = _texts(lines)
    first = next(texts, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(itertools.chain([first], texts), delimiter=delimiter, strict=True)
    begin = 1  # the first line of the reader's current row
    try:
        columns = columns_of([name.strip() for name in next(reader, [])])
        begin = reader.line_num + 1
        for cells in reader:
            begin = reader.line_num + 1
            if len(cells) > len(columns):
                wrong = WrongCellError(f"it has {len(cells)} cells, the first row {len(columns)} columns")
                yield Row(reader.line_num, wrong)
                continue
            named = zip(columns, map(str.strip, cells), strict=False)
            if filled := {column: cell for column, cell in named if cell}:
                yield Row(reader.line_num, filled)
    except csv.Error as error:
        # An unclosed quote takes in the lines below it, so the fault is above the reader's line.
        last = reader.line_num
        taken = f"; a quote in line {begin} takes in the lines down to {last}" if begin < last else ""
        yield Row(last, WrongUse(f"line {begin}: not CSV: {error}{taken}"))
    except WrongUse as error:
        yield Row(reader.line_num, error)


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(lines, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise WrongUse(f"line {number}: not UTF-8; save the file as CSV in UTF-8") from None


def known_columns(header: Sequence[str], known: Collection[str], normal: Callable[[str], str]) -> list[str]:
    """The columns of a header, each of them known once `normal` has numbered it 1. Raises `WrongUse`."""
    for name in header:
        if normal(name) not in known:
            raise WrongUse(f"line 1: there is no column {name!r}; {suggestion(name, known)}")
        if header.count(name) > 1:
            raise WrongUse(f"line 1: two columns are named {name}; remove one")
    return list(header)


def boolean(column: str, cells: Mapping[str, str]) -> bool:
    """The truth that a cell stands for; raises `WrongCellError`."""
    try:
        return _BOOLEANS[cells[column].lower()]
    except KeyError:
        raise WrongCellError(f"{column}: is none of {', '.join(_BOOLEANS)}") from None
