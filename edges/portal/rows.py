"""Configurations as rows of PostgreSQL, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from psycopg.types.json import Jsonb

from edges.portal.configuration import Configuration, Person, shown
from edges.portal.core import Address, Contact, Instant, Intervention

Statement: TypeAlias = tuple[str, Mapping[str, Any]]
"""A query's name and its values."""

_FIRST: Final = 1
_SECOND: Final = 2


class Stored(NamedTuple):
    """A site as the database has it.

    Attributes:
        is_deleted: its record is a tombstone.
        published_at: the time of the record on Kafka; None while this revision is not passed on.
        last_by: who made this revision.
        last_request: the hash of the request that made it.

    """

    configuration: Configuration
    is_deleted: bool
    published_at: Instant | None
    last_by: str
    last_request: bytes


class Edit(NamedTuple):
    """Who changes what, by which request (its hash, without words), when."""

    by: str
    what: str
    request: bytes
    now: Instant


def fingerprint(*parts: Any) -> bytes:
    """What makes two requests the same: never give it a word, as it is a quick hash."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).digest()


def stored(row: Mapping[str, Any]) -> Stored:
    """A row of `queries/sites.sql`."""
    contacts = {contact["place"]: _record(Contact, contact) for contact in row["contacts"]}
    parts = {
        "people": tuple(_record(Person, person) for person in row["people"]),
        "first": contacts.get(_FIRST),
        "second": contacts.get(_SECOND),
        "further": tuple(contact for place, contact in sorted(contacts.items()) if place > _SECOND),
        "address": None if row["line1"] is None else _record(Address, row),
        "intervention": Intervention(row["intervention"], tuple(row["partners"])),
    }
    is_published = row["published_revision"] >= row["revision"]
    return Stored(
        _record(Configuration, {**row, **parts}),
        row["is_deleted"],
        row["published_at"] if is_published else None,
        row["last_by"],
        bytes(row["last_request"]),
    )


def _record(kind: Any, row: Mapping[str, Any]) -> Any:
    return kind(**{field: row[field] for field in kind._fields})


def writes(
    before: Configuration | None, after: Configuration, edit: Edit, *, is_deleted: bool = False
) -> list[Statement]:
    """The statements that make ``after`` the site's last revision; of people and contacts only what changed.

    Of a site that is deleted the history forgets all values, this revision's too.
    """
    statements: list[Statement] = [("put_site", _site_values(after, is_deleted=is_deleted))]
    key = {"site_id": after.site_id}
    if is_deleted:
        statements.append(("erase_revisions", key))
        statements.append(("empty_releases", key))
    if before is None or before.people != after.people:
        statements.append(("empty_people", key))
        statements.append(("put_people", key | _columns(Person._fields, after.people)))
    if before is None or _placed(before) != _placed(after):
        placed = _placed(after)
        statements.append(("empty_contacts", key))
        columns = _columns(Contact._fields, list(placed.values()))
        statements.append(("put_contacts", key | columns | {"place": list(placed)}))
    revision = {"revision": after.revision, "at": after.updated_at, **_history(before, after, edit)}
    if is_deleted:
        revision |= {"before": None, "after": None}
    statements.append(("put_revision", key | revision))
    statements.append(("put_outbox", {"topic": "sites", "key": after.site_id}))
    return statements


def _site_values(site: Configuration, *, is_deleted: bool) -> dict[str, Any]:
    address = site.address._asdict() if site.address is not None else dict.fromkeys(Address._fields)
    return {
        **address,
        "site_id": site.site_id,
        "name": site.name,
        "revision": site.revision,
        "subscribed": site.subscribed,
        "instructions": site.instructions,
        "intervention": site.intervention.enabled,
        "partners": list(site.intervention.partners),
        "test_until": site.test_until,
        "updated_at": site.updated_at,
        "is_deleted": is_deleted,
    }


def _placed(site: Configuration) -> dict[int, Contact]:
    """Each contact by its place."""
    contacts = enumerate((site.first, site.second, *site.further), start=_FIRST)
    return {place: contact for place, contact in contacts if contact is not None}


def _columns(names: Iterable[str], records: Sequence[Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: [getattr(record, name) for record in records] for name in names}
    return columns | {"place": list(range(1, len(records) + 1))}


def _history(before: Configuration | None, after: Configuration, edit: Edit) -> dict[str, Any]:
    """What changed: the part that the edit is about, or all of it."""
    old, new = shown(before) if before is not None else None, shown(after)
    part_before: Any = old if edit.what not in new or old is None else old[edit.what]
    part_after: Any = new.get(edit.what, new)
    return {
        "by": edit.by,
        "what": edit.what,
        "before": None if part_before is None else Jsonb(part_before),
        "after": None if part_after is None else Jsonb(part_after),
        "request": edit.request,
    }
