"""The output of commands: on a terminal of any width, in a pipe, in any encoding."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ronde.shared.plain import plain

_PIPE: Final = 10_000  # columns without a terminal: a row is a line, so that grep and awk find it whole
_FOLDED: Final = 24  # columns that a cell needs to be read over several lines
_GAP: Final = 2  # columns between two cells
_HINT: Final = re.compile(r"`ronde((?: [^`]*)?)`")


class Terminal(Console):
    """Standard output or error. It escapes what it prints (`ronde.shared.plain`) and cuts nothing for a pipe."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, highlight=False, emoji=False)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = _PIPE

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render segments, with all control characters escaped but rich's own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


class Listing(Table):
    """A table whose cells are never cut: where its columns do not fit side by side, each row is lines of its own.

    Columns are added with ``no_wrap`` when they hold names or numbers; the others fold.
    """

    def __init__(self, *headers: str, title: str | None = None, gap: int = _GAP) -> None:
        super().__init__(box=None, header_style="bold", pad_edge=False, padding=(0, gap, 0, 0), title_justify="left")
        self.title = None if title is None else Text(plain(title), "table.title")
        self._gap = gap
        for header in headers:
            self.add_column(header, no_wrap=True)

    def add_row(self, *cells: RenderableType | None, style: object = None, end_section: bool = False) -> None:
        """A row; its texts are escaped before they are measured."""
        super().add_row(*map(_harmless, cells), style=style, end_section=end_section)  # type: ignore[arg-type]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Side by side, or one below the other."""
        for column in self.columns:
            column.overflow = "fold"
        if self._needed() <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._records()

    def _needed(self) -> int:
        """The columns of the terminal that the table takes at least."""
        widths = (
            (max(map(_width, (column.header, *column.cells))), _width(column.header), column.no_wrap)
            for column in self.columns
        )
        return sum(whole if fixed else max(head, min(whole, _FOLDED)) for whole, head, fixed in widths) + self._gap * (
            len(self.columns) - 1
        )

    def _records(self) -> RenderResult:
        """Each row as lines: its first cell, then a line each for the others that are not empty."""
        if self.title:
            yield self.title
        cells = [list(column.cells) for column in self.columns]
        for number, row in enumerate(self.rows):
            first = Table.grid()
            first.add_column(overflow="fold")
            first.add_row(cells[0][number], style=row.style)
            yield first
            record = Table.grid(padding=(0, _GAP, 0, 0))
            record.add_column(no_wrap=True)
            record.add_column(overflow="fold")
            for column, of_column in zip(self.columns[1:], cells[1:], strict=True):
                if _width(of_column[number]):
                    name = str(column.header).replace("-\n", "").replace("\n", " ")
                    record.add_row(Text(f"  {name}", "bold"), of_column[number], style=row.style)
            yield record
            yield Text()


def say(text: str, *, err: bool = False) -> None:
    """Print a line to standard output or error, escaped, with commands as they can be typed."""
    typer.echo(plain(as_typed(text)), err=err)


def print_value(value: object) -> None:
    """Print a value for a program, as JSON in ASCII."""
    typer.echo(json.dumps(value, indent=2))


def as_typed(text: str) -> str:
    """Complete the commands of a text (`` `ronde …` ``) by this program and its local servers, ready to be typed."""
    return _HINT.sub(lambda hint: f"`{program()}{hint[1]}{_data() if hint[1].startswith(' local ') else ''}`", text)


def _data() -> str:
    """The option for the folder of the local servers, where this command was given the settings that lie in it."""
    given = re.search(r"\0--settings[=\0]([^\0]+)", "\0".join(["", *sys.argv]))
    if given is None or not (Path(given[1]).parent / "kafka").is_dir():
        return ""
    return f" --data {nearest(Path(given[1]).parent)}"


def program() -> str:
    """The command of this program: its name if the shell finds it, else its path."""
    called = Path(sys.argv[0])
    if called.name != "ronde":
        return "ronde"
    there = shutil.which("ronde")
    if there is not None and Path(there).absolute() == called.absolute():
        return "ronde"
    return nearest(called)


def nearest(path: Path) -> str:
    """The shortest form of a path here, for a shell."""
    path = path.absolute()
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _harmless(cell: RenderableType | None) -> RenderableType | None:
    if isinstance(cell, str):
        return Text(plain(cell))
    if isinstance(cell, Text) and plain(cell.plain) != cell.plain:
        return Text(plain(cell.plain), cell.style)
    return cell


def _width(cell: RenderableType) -> int:
    return max(map(cell_len, str(cell).split("\n")))
