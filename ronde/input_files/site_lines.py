"""Sites of a file: one JSON value a line (contracts.md, Values)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from streams.escalation.values import Site
from streams.formats.json_values import NotAValue, reader
from streams.formats.validation import admit


class NotJson(ValueError):
    """A line that is not JSON, and the place of the first error."""


def parsed(raw: bytes) -> object:
    """The JSON of a line; raises `NotJson`."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error.msg} at character {error.pos}") from None


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
        for number, raw in enumerate(self._lines, start=1):
            if not raw.strip():
                continue
            try:
                site = read(parsed(raw))
            except (NotAValue, NotJson) as error:
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
