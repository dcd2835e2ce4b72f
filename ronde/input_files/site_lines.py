"""Sites of a file: one JSON value a line (contracts.md, Values)."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import orjson

from streams.escalation.values import Site
from streams.formats.json_values import NotAValue, reader
from streams.formats.validation import admit


def json_lines(lines: Iterable[bytes], refuse: Callable[[int, str, str], None]) -> Iterator[tuple[int, object]]:
    """Yield the JSON of each line with its number, counted from 1; blank lines are none, others are refused."""
    for number, raw in enumerate(lines, start=1):
        if raw.strip():
            try:
                yield number, orjson.loads(raw)
            except orjson.JSONDecodeError as error:
                refuse(number, "UNDECODABLE", f"not JSON: {error.msg} at character {error.pos}")


class Good(NamedTuple):
    """A line, counted from 1, that is a site."""

    line: int
    site: Site


class Bad(NamedTuple):
    """A line that is not a site: a dead letter's reason and error, without its content."""

    line: int
    reason: str
    error: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}: {self.error}"


class Doubt(NamedTuple):
    """A line that is a site, except for a part that is left out, and why."""

    line: int
    error: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.error}"


class Repeated(NamedTuple):
    """A site in several lines; the last one counts."""

    site_id: str
    lines: list[int]

    def __str__(self) -> str:
        return f"site {self.site_id} stands in lines {', '.join(map(str, self.lines))}; the last one counts"


class SiteLines:
    """Reads the lines of a file, and keeps what was wrong with them."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.bad: list[Bad] = []
        self.doubts: list[Doubt] = []
        self._lines = lines
        self._lines_of: dict[str, int | list[int]] = {}

    def good(self) -> Iterator[Good]:
        """The sites, in the order of their lines; blank lines are none."""
        read = reader(Site)
        for number, value in json_lines(self._lines, self.refuse):
            try:
                site = read(value)
            except NotAValue as error:
                self.refuse(number, "UNDECODABLE", str(error))
                continue
            refused = admit(site, site.site_id)
            if refused is not None:
                self.refuse(number, *refused)
                continue
            self._note(site.site_id, number)
            yield Good(number, site)

    def refuse(self, line: int, reason: str, error: str) -> None:
        """Note a line that is not a site, or is too large for the topic."""
        self.bad.append(Bad(line, reason, error))

    def warn(self, line: int, error: str) -> None:
        """Note what is left out of a line that is a site."""
        self.doubts.append(Doubt(line, error))

    def repeated(self) -> list[Repeated]:
        """The sites that stand in several of the lines read so far."""
        return [Repeated(site_id, lines) for site_id, lines in self._lines_of.items() if isinstance(lines, list)]

    def _note(self, site_id: str, line: int) -> None:
        """Remember a site's line; compact for a million sites, most of them in one line each."""
        before = self._lines_of.get(site_id)
        if before is None:
            self._lines_of[site_id] = line
        elif isinstance(before, list):
            before.append(line)
        else:
            self._lines_of[site_id] = [before, line]
