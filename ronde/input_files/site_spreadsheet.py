"""Sites of a spreadsheet: convert a CSV file to the lines of `ronde.input_files.site_lines`, a row a site.

The first row names the columns: the fields of contracts.md with dots, contacts by their place from 1, as
``site_id,subscribed,contacts.1.role,contacts.1.phone,contacts.1.password,address.city,intervention.partners``. Beside
the contract's own fields, ``contacts.<n>.password`` and ``contacts.<n>.duress_password`` take a password as it is
spoken: it leaves this module as a salted slow hash (argon2id) only. Phone numbers may be written as the country
writes them. An empty cell is an absent field; several partners stand in one cell, between spaces.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import orjson

from ronde.input_files.csv_rows import Row, WrongCellError, boolean, known_columns, rows_of
from ronde.input_files.site_lines import SiteLines
from ronde.shared.errors import WrongUse
from schemas.avro.generated.shapes import Array, Record, Shape, Union, shape_of
from schemas.avro.loader import load
from service import phone_numbers, words

Hash: TypeAlias = Callable[[str], str]
Refuse: TypeAlias = Callable[[int, str, str], None]
"""Takes a row that is not a site: its line, a dead letter's reason, the error, without the row's content."""
Warn: TypeAlias = Callable[[int, str], None]
"""Takes a cell that is left out of a site: its line, and the fault, without the cell's content."""

_PASSWORDS: Final = {"password": "password_hash", "duress_password": "duress_hash"}


def _fields(shape: Shape) -> dict[str, Shape]:
    """The fields of a record, or of one that may be null."""
    record = shape.branches[-1] if isinstance(shape, Union) else shape
    assert isinstance(record, Record)
    return {field.name: field.shape for field in record.fields}


_FIELDS: Final = _fields(shape_of(load("Site")))
_CONTACTS: Final = _FIELDS["contacts"]
assert isinstance(_CONTACTS, Array)
_HASHES: Final = {hashed: password for password, hashed in _PASSWORDS.items()}
_CONTACT: Final = tuple(_HASHES.get(name, name) for name in _fields(_CONTACTS.items))
_ADDRESS: Final = tuple(_fields(_FIELDS["address"]))
_INTERVENTION: Final = tuple(_fields(_FIELDS["intervention"]))
_SITE: Final = tuple(name for name in _FIELDS if name not in {"contacts", "address", "intervention"})
# In the order of the message that lists them: a site's own, those of its records, a contact's.
COLUMNS: Final = (
    *_SITE,
    *(f"address.{name}" for name in _ADDRESS),
    *(f"intervention.{name}" for name in _INTERVENTION),
    *(f"contacts.1.{name}" for name in _CONTACT),
)
_NUMBERED: Final = re.compile(r"contacts\.([1-9][0-9]?)\.")
_AT_ONCE: Final = 64  # rows that are hashed side by side
_CPUS: Final = os.cpu_count() or 1


def unhashed(_password: str) -> str:
    """In place of a hash, where only its presence counts."""
    return "present"


def sites_of(file: str, lines: Iterable[bytes], country: str | None, hashed: Hash = words.hashed) -> SiteLines:
    """The sites of a file: rows when its name ends in ``.csv``, else lines of JSON.

    ``country`` (ISO 3166-1 alpha-2) is where a number without ``+`` belongs when the row's address names none.
    Raises `WrongUse`, also while reading, for a file that is not CSV or has an unknown column.
    """
    if not file.lower().endswith(".csv"):
        if country is not None:
            raise WrongUse("--country is for CSV files; in JSON, phone numbers are E.164")
        return SiteLines(lines)
    if country is not None and not phone_numbers.is_country(country):
        raise WrongUse(f"--country: there are no phone numbers of {country!r}; write it as FR, BE, CH")

    def refuse(line: int, reason: str, error: str) -> None:
        sites.refuse(line, reason, error)

    def warn(line: int, error: str) -> None:
        sites.warn(line, error)

    sites = SiteLines(json_lines(lines, country, hashed, refuse, warn))
    return sites


def json_lines(
    lines: Iterable[bytes], country: str | None, hashed: Hash, refuse: Refuse, warn: Warn
) -> Iterator[bytes]:
    """Yield each row as a line of JSON at its place, blank lines between them; bad rows go to ``refuse``.

    Raises `WrongUse` where the rest of the file cannot be read, after all rows before it.
    """
    now = datetime.now(UTC).isoformat()

    def convert(row: Row) -> tuple[bytes, list[str]] | WrongCellError:
        if isinstance(row.cells, Exception):
            return WrongCellError(str(row.cells))
        doubts: list[str] = []
        try:
            site = _site(row.cells, country, hashed, doubts)
        except WrongCellError as error:
            return error
        return orjson.dumps({"updated_at": now, **site}, option=orjson.OPT_APPEND_NEWLINE), doubts

    written = 0
    rows = rows_of(lines, _columns)
    with ThreadPoolExecutor(_CPUS) as hashers:
        while batch := list(itertools.islice(rows, _AT_ONCE)):
            for row, converted in zip(batch, hashers.map(convert, batch), strict=True):
                if isinstance(row.cells, WrongUse):
                    raise row.cells
                yield from itertools.repeat(b"\n", row.line - written - 1)
                written = row.line
                if isinstance(converted, WrongCellError):
                    refuse(row.line, "UNDECODABLE", str(converted))
                    yield b"\n"
                else:
                    line, doubts = converted
                    for doubt in doubts:
                        warn(row.line, doubt)
                    yield line


def _columns(header: Sequence[str]) -> list[str]:
    if "site_id" not in header:
        raise WrongUse(
            "line 1: no column is named site_id; the first row names the columns, as site_id,contacts.1.phone"
        )
    return known_columns(header, COLUMNS, lambda name: _NUMBERED.sub("contacts.1.", name, count=1))


def _site(cells: dict[str, str], country: str | None, hashed: Hash, doubts: list[str]) -> dict[str, Any]:
    """Return a row as a site's JSON; parts left out are added to ``doubts``."""
    site: dict[str, Any] = {name: cells[name] for name in _SITE if name in cells}
    if "subscribed" in cells:
        site["subscribed"] = boolean("subscribed", cells)
    address = {name: cells[f"address.{name}"] for name in _ADDRESS if f"address.{name}" in cells}
    if address:
        site["address"] = address
    intervention: dict[str, Any] = {}
    if "intervention.enabled" in cells:
        intervention["enabled"] = boolean("intervention.enabled", cells)
    if "intervention.partners" in cells:
        intervention["partners"] = cells["intervention.partners"].split()
    if intervention:
        site["intervention"] = intervention
    region = address.get("country", country)
    places = sorted({int(match[1]) for column in cells if (match := _NUMBERED.match(column))})
    contacts = [_contact(place, cells, hashed) for place in places]
    # The first contact is called first, and a row with a number that nobody can dial is refused. The others are
    # optional: the site is ready without them, and warns of each that lacks a number (procedure.md §2).
    for place, contact in zip(places, contacts, strict=True):
        if "phone" not in contact:
            continue
        try:
            contact["phone"] = phone_numbers.e164(contact["phone"], region)
        except phone_numbers.NoPhoneNumberError as error:
            wrong = f"contacts.{place}.phone: {error}"
            if place == places[0]:
                raise WrongCellError(wrong) from None
            del contact["phone"]
            doubts.append(f"{wrong}; the site goes without it")
    site["contacts"] = contacts
    return site


def _contact(place: int, cells: dict[str, str], hashed: Hash) -> dict[str, str]:
    at = f"contacts.{place}."
    contact = {name: cells[at + name] for name in _CONTACT if at + name in cells}
    # A contact without an id still needs one that commands and results can refer to.
    contact.setdefault("contact_id", f"{cells.get('site_id', '')}-{place}")
    for name, stored in _PASSWORDS.items():
        if name in contact:
            word = contact.pop(name)
            if not words.normal(word):
                raise WrongCellError(f"{at}{name}: has nothing that can be heard; give it letters or digits")
            contact[stored] = hashed(word)
    return contact
