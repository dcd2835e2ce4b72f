"""Sites by number, by name and by id: where the record in force of each lies on `sites`, and nothing else of it.

An SQLite database in memory: 1,000,000 sites take some 200 MB. What a site's former record had (a number, a name) stays
until the desk ends; so look at the record in force before you believe that it still has it.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from edges.desk.values import Site

MOST_FOUND: Final = 50
_LAST_DIGITS: Final = 8  # the same however a number is written: with the country's code, with 0, with neither
_SHORTEST_NUMBER: Final = 6
_SHORTEST_WORD: Final = 2
_NUMBER: Final = re.compile(r"[+0-9 ()./\u2010-\u2015-]+")
_NAME: Final = re.compile(r"[^\W\d_]+")
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE site (number INTEGER PRIMARY KEY, site_id TEXT NOT NULL UNIQUE, partition INTEGER, place INTEGER);
CREATE TABLE term (term TEXT, number INTEGER, PRIMARY KEY (term, number)) WITHOUT ROWID;
"""
_PUT: Final = """
INSERT INTO site (site_id, partition, place) VALUES (?, ?, ?)
ON CONFLICT (site_id) DO UPDATE SET place = excluded.place RETURNING number
"""
_BY_ALL: Final = "SELECT number FROM term WHERE term >= ? AND term < ?"


class SitePlace(NamedTuple):
    """Where a site's record in force lies on `sites`."""

    site_id: str
    partition: int
    offset: int


class SiteIndex:
    """Written by one thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)

    def take(self, records: Iterable[tuple[str, int, int, Site | None]]) -> None:
        """Take records of `sites`, in their order: key, partition, offset, and the site or None for a tombstone."""
        with self._lock:
            cursor = self._database.cursor()
            cursor.execute("BEGIN")
            terms: list[tuple[str, int]] = []
            for key, partition, offset, site in records:
                if site is None:
                    cursor.execute("DELETE FROM site WHERE site_id = ?", (key,))
                    continue
                (number,) = cursor.execute(_PUT, (key, partition, offset)).fetchone()
                terms += ((term, number) for term in _terms(site))
            cursor.executemany("INSERT OR IGNORE INTO term (term, number) VALUES (?, ?)", terms)
            cursor.execute("COMMIT")

    def place(self, site_id: str) -> SitePlace | None:
        """Where a site's record in force lies; None: there is none."""
        rows = self._ask("SELECT site_id, partition, place FROM site WHERE site_id = ?", (site_id,))
        return SitePlace(*rows[0]) if rows else None

    def find(self, text: str, limit: int = MOST_FOUND) -> list[SitePlace]:
        """Sites whose id begins so, or which have such a number or such names; at most so many."""
        found = {place.site_id: place for place in self._by_id(text.strip(), limit)}
        terms = [_number_term(text)] if is_number(text) else [f"w{word}" for word in words(text)]
        if terms and all(len(term) > _SHORTEST_WORD for term in terms):
            select = " INTERSECT ".join(_BY_ALL for _ in terms)
            bounds = [bound for term in terms for bound in (term, term + "\U0010ffff")]
            sql = f"SELECT site_id, partition, place FROM site WHERE number IN ({select}) LIMIT ?"  # noqa: S608 - no text of theirs
            for row in self._ask(sql, (*bounds, limit)):
                found.setdefault(row[0], SitePlace(*row))
        return list(found.values())[:limit]

    def __len__(self) -> int:
        return int(self._ask("SELECT count(*) FROM site", ())[0][0])

    def _by_id(self, text: str, limit: int) -> Iterator[SitePlace]:
        if text:
            sql = (
                "SELECT site_id, partition, place FROM site WHERE site_id >= ? AND site_id < ? ORDER BY site_id LIMIT ?"
            )
            yield from (SitePlace(*row) for row in self._ask(sql, (text, text + "\U0010ffff", limit)))

    def _ask(self, sql: str, values: Sequence[object]) -> list[tuple[str, int, int]]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()


def is_number(text: str) -> bool:
    """Whether a text looks like a phone number."""
    return _NUMBER.fullmatch(text.strip()) is not None and sum(map(str.isdecimal, text)) >= _SHORTEST_NUMBER


def is_of(site: Site, text: str) -> bool:
    """Whether a site has this id, number or names still."""
    if site.site_id.startswith(text.strip()):
        return True
    if is_number(text):
        digits = _digits(text).lstrip("0")
        return any(_fits(_digits(contact.phone), digits) for contact in site.contacts if contact.phone)
    names = set(_names(site))
    return bool(words(text)) and all(any(name.startswith(word) for name in names) for word in words(text))


def words(text: str) -> list[str]:
    """The words of a name: without accents, in one case."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return _NAME.findall("".join(character for character in plain if not unicodedata.combining(character)))


def _terms(site: Site) -> set[str]:
    terms = {f"w{name}" for name in _names(site)}
    terms.update(_number_term(contact.phone) for contact in site.contacts if contact.phone)
    return terms


def _names(site: Site) -> Iterator[str]:
    for contact in site.contacts:
        yield from words(f"{contact.first_name or ''} {contact.last_name or ''}")


def _number_term(text: str) -> str:
    return f"n{_digits(text)[-_LAST_DIGITS:]}"


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _fits(stored: str, digits: str) -> bool:
    """Whether both are one number: one of them may have the country's code, and the other not."""
    return stored.endswith(digits) or digits.endswith(stored)
