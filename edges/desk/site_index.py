"""Sites by number, by name and by id: where the record in force of each lies on `sites`, and nothing else of it.

An SQLite database in memory. What a site's former record had (a number, a name) stays until the desk ends; so look at
the record in force before you believe that it still has it.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import lru_cache
from typing import Any, Final, NamedTuple

from edges.values import Site

MOST_FOUND: Final = 50
_LAST_DIGITS: Final = 8  # the same however a number is written: with the country's code, with 0, with neither
_TRUNK: Final = re.compile(r"\(\s*0\s*\)")  # +33 (0)6 39 98 00 01
_SHORTEST_NUMBER: Final = 6
_NUMBER: Final = re.compile(r"(?:tel:)?[+0-9\s()./\u2010-\u2015\u2212-]+", re.IGNORECASE)
_NAME: Final = re.compile(r"[^\W\d_]+")
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE site (site_id TEXT PRIMARY KEY, partition INTEGER, place INTEGER, callees INTEGER) WITHOUT ROWID;
CREATE TABLE term (term TEXT, site_id TEXT, PRIMARY KEY (term, site_id)) WITHOUT ROWID;
"""
_PUT: Final = "INSERT OR REPLACE INTO site (site_id, partition, place, callees) VALUES (?, ?, ?, ?)"
_PLACE: Final = "SELECT site_id, partition, place FROM site WHERE site_id = ?"
_CALLEES: Final = "SELECT callees FROM site WHERE site_id = ? AND place = ?"
_WITH_TERM: Final = "SELECT DISTINCT site_id FROM term WHERE term >= ? AND term < ? LIMIT ?"
_OF_THESE: Final = (
    "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM term WHERE term.term = ? AND site_id = value)"
)
_COMMON: Final = 5000  # a term of more sites than this says too little to look at all of them
_LAST: Final = "\U0010ffff"
_NOTHING_MORE: Final = " "  # before all letters and digits
_ONE_LETTER: Final = 2  # with what says that it is a word
_KNOWN_NAMES: Final = 65_536


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
        places: dict[str, tuple[str, int, int, int] | None] = {}
        terms: set[tuple[str, str]] = set()
        for key, partition, offset, site in records:
            places[key] = None if site is None else (key, partition, offset, site.callees)
            if site is not None:
                terms.update((term, key) for term in _terms(site))
        with self._lock:
            cursor = self._database.cursor()
            cursor.execute("BEGIN")
            cursor.executemany(_PUT, [place for place in places.values() if place is not None])
            cursor.executemany(
                "DELETE FROM site WHERE site_id = ?", [(key,) for key, place in places.items() if place is None]
            )
            # In the table's order: neighbours are put side by side.
            cursor.executemany("INSERT OR IGNORE INTO term (term, site_id) VALUES (?, ?)", sorted(terms))
            cursor.execute("COMMIT")

    def place(self, site_id: str) -> SitePlace | None:
        """Where a site's record in force lies; None: there is none."""
        rows = self._ask(_PLACE, (site_id,))
        return SitePlace(*rows[0]) if rows else None

    def callees_at(self, site_id: str, offset: int) -> int | None:
        """How many contacts a round calls by the record at an offset; None: it is not the one in force."""
        rows = self._ask(_CALLEES, (site_id, offset))
        return int(rows[0][0]) if rows else None

    def find(self, text: str, limit: int = MOST_FOUND, *, first: Set[str] = frozenset()) -> list[SitePlace]:
        """Sites whose id begins so, or which may have such a number or such names; at most so many.

        Of several words the rare ones decide, and the record itself whether it has the others too.
        However many there are, those of ``first`` come first (of a common name, those that have it as it was typed).
        """
        ids = dict.fromkeys((*self._by_id(text.strip(), limit, first), *self._by_terms(text, first)))
        found: list[SitePlace] = []
        for site_id in sorted(ids, key=lambda site_id: site_id not in first):
            place = self.place(site_id)
            if place is not None:
                found.append(place)
            if len(found) >= limit:
                break
        return found

    def __len__(self) -> int:
        return int(self._ask("SELECT count(*) FROM site", ())[0][0])

    def _by_terms(self, text: str, first: Set[str]) -> list[str]:
        terms = [_number_term(text)] if is_number(text) else [f"w{word}" for word in words(text)]
        if not terms or "n" in terms:  # of zeros alone
            return []
        # With a letter alone half of all names begin: where nothing else is said, it is a name of its own.
        end = _LAST if any(len(term) > _ONE_LETTER for term in terms) else _NOTHING_MORE
        of_terms = [self._with_term(term, end, first) for term in terms]
        rare = [sites for sites in of_terms if len(sites) <= _COMMON]
        return sorted(set.intersection(*(rare or of_terms)))

    def _with_term(self, term: str, end: str, first: Set[str]) -> set[str]:
        found = {row[0] for row in self._ask(_WITH_TERM, (term, term + end, _COMMON + 1))}
        if len(found) > _COMMON:
            found |= {row[0] for row in self._ask(_OF_THESE, (json.dumps([*first]), term))}
        return found

    def _by_id(self, text: str, limit: int, first: Set[str]) -> Iterator[str]:
        if text:
            yield from sorted(site_id for site_id in first if site_id.startswith(text))
            sql = "SELECT site_id FROM site WHERE site_id BETWEEN ? AND ? ORDER BY site_id LIMIT ?"
            yield from (row[0] for row in self._ask(sql, (text, text + _LAST, limit)))

    def _ask(self, sql: str, values: Sequence[object]) -> list[Any]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()


def is_number(text: str) -> bool:
    """Whether a text looks like a phone number."""
    return _NUMBER.fullmatch(_plain(text)) is not None and sum(map(str.isdecimal, text)) >= _SHORTEST_NUMBER


def is_of(site: Site, text: str) -> bool:
    """Whether a site has this id, number or names still."""
    if site.site_id.startswith(text.strip()):
        return True
    if is_number(text):
        digits = _national(text)
        return any(_fits(_digits(contact.phone), digits) for contact in site.contacts if contact.phone)
    names = set(_names(site))
    return bool(words(text)) and all(any(name.startswith(word) for name in names) for word in words(text))


def words(text: str) -> tuple[str, ...]:
    """The words of a name: without accents, in one case."""
    if text.isascii():
        plain = text.lower()
    else:
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
        plain = "".join(character for character in folded if not unicodedata.combining(character))
    return tuple(_NAME.findall(plain))


_words_of_name = lru_cache(_KNOWN_NAMES)(words)


def _terms(site: Site) -> set[str]:
    terms = {f"w{name}" for name in _names(site)}
    terms.update(_number_term(contact.phone) for contact in site.contacts if contact.phone)
    return terms


def _names(site: Site) -> Iterator[str]:
    for contact in site.contacts:
        for name in (contact.first_name, contact.last_name):
            if name:
                yield from _words_of_name(name)


def _number_term(text: str) -> str:
    """The last digits, backwards: a number with fewer of them begins so, too."""
    return f"n{_national(text)[::-1][:_LAST_DIGITS]}"


def _plain(text: str) -> str:
    """A text as it would be typed: pasted ones have other digits and spaces, and marks of direction."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(character for character in folded if unicodedata.category(character) != "Cf").strip()


def _national(text: str) -> str:
    """A number's digits, without the zeros that are dialled before it."""
    return _digits(_TRUNK.sub("", _plain(text))).lstrip("0")


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def _fits(stored: str, digits: str) -> bool:
    """Whether both are one number: one of them may have the country's code, and the other not."""
    return stored.endswith(digits) or digits.endswith(stored)
