"""Rows as the text that PostgreSQL's COPY reads, made before the connection is free: it writes the chunk before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sinks.rows.feeds import Row

_NULL: Final = r"\N"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_text(rows: Sequence[Row]) -> bytes:
    """The rows, a line each. A value is a text, an integer, a boolean, or None."""
    columns = list(zip(*rows, strict=True))
    text = _lines(map(_plain, columns))
    nulls = sum(column.count(None) for column in columns)
    separators = (len(columns) - 1) * len(rows)
    if (text.count("\\"), text.count("\t"), text.count("\n"), text.count("\r")) != (nulls, separators, len(rows), 0):
        text = _lines(map(_escaped, columns))  # as a rule nothing is to be escaped, and the counts show it quickly
    return text.encode()


def _lines(columns: Iterable[Iterable[str]]) -> str:
    return "".join(f"{line}\n" for line in map("\t".join, zip(*columns, strict=True)))


def _plain(column: Sequence[Any]) -> Iterable[str]:
    kinds = set(map(type, column))
    if kinds == {str}:
        return column
    if type(None) not in kinds:
        return map(str, column)
    return [_NULL if value is None else str(value) for value in column]


def _escaped(column: Sequence[Any]) -> Iterable[str]:
    return [_NULL if value is None else str(value).translate(_ESCAPES) for value in column]
