"""The statements that follow from the description of a feed: staging table, insert, columns to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from sinks.database.sql import query
from sinks.rows.columns import Column, Kind
from sinks.rows.feeds import FEEDS, Feed

# Ids are compared byte by byte, as everywhere in the ledger; of other texts it does not matter.
_TEXT: Final = 'text COLLATE "C"'
_STAGED: Final[Mapping[Kind, str]] = MappingProxyType({"text": _TEXT, "instant": "bigint", "bytes": "text"})
_READ: Final[Mapping[Kind, str]] = MappingProxyType({"instant": "ledger.instant({})", "bytes": "decode({}, 'hex')"})


@cache
def create_staging() -> str:
    """The staging tables: of one connection alone, unlogged, and empty again when a transaction ends."""
    return ";\n".join(
        f"CREATE TEMPORARY TABLE {feed.staging} ({', '.join(map(_definition, feed.columns))}) ON COMMIT DELETE ROWS"
        for feed in FEEDS
    )


@cache
def put(feed: Feed, *, is_new: bool = False) -> str:
    """Put staged rows into the ledger. ``is_new``: none is there yet, and PostgreSQL is to refuse one that is."""
    insert = query(feed.put).format(
        table=f"ledger.{feed.table}",
        staging=feed.staging,
        columns=", ".join(_quoted(column) for column in feed.columns),
        values=", ".join(_value(feed, column) for column in feed.columns),
        replaced=", ".join(f"{name} = excluded.{name}" for name in map(_quoted, feed.columns)),
    )
    if is_new:
        insert = insert.replace("ON CONFLICT DO NOTHING", "")
    return ";\n".join((insert, *(query(name).format(staging=feed.staging) for name in feed.then)))


def shown(feed: Feed, names: Iterable[str]) -> str:
    """The columns of a ``record`` to read by these names: what is personal only where ``personal`` is true.

    ``id`` is the record's own: the value's first field. ``contact_id`` is the contact that it is about.
    """
    columns = {column.name: f"record.{_quoted(column)}" for column in feed.columns}
    columns |= {"id": f"record.{_quoted(feed.columns[0])}", "contact_id": _contact(feed)}
    columns |= {name: f"CASE WHEN %(personal)s THEN {columns[name]} END" for name in feed.personal}
    return ", ".join(f'{columns[name]} AS "{name}"' for name in names)


def _contact(feed: Feed) -> str:
    """The contact that a ``record`` of the feed is about; NULL where it is about none."""
    named, *others = _contacts(feed)
    return f"coalesce({', '.join((named, *others))})" if others else named


def _contacts(feed: Feed) -> list[str]:
    """Whom a ``record`` of the feed may be about, first whom it names itself; NULL where it names nobody."""
    named = "record.contact_id" if any(column.name == "contact_id" for column in feed.columns) else "NULL"
    return [named] if feed.contact is None else [named, query(feed.contact)]


def _site(feed: Feed) -> str:
    """The site that a ``record`` of the feed is about; of a signal that names none, what stands for it as a key."""
    if any(column.name == "account" for column in feed.columns):
        return "coalesce(record.site_id, 'account:' || record.account)"
    return "record.site_id"


def _definition(column: Column) -> str:
    return f"{_quoted(column)} {_STAGED.get(column.kind, column.kind)}"


def _value(feed: Feed, column: Column) -> str:
    """A column of the ledger from the staged ``record``: null where it is personal and was erased."""
    staged = f"record.{_quoted(column)}"
    value = _READ.get(column.kind, "{}").format(staged)
    if column.name not in feed.personal:
        return value
    place = f"ledger.instant(record.{feed.month}), '{feed.topic}', record.kafka_partition, record.kafka_offset"
    kept = " AND ".join(f"NOT ledger.is_erased({_site(feed)}, {contact}, {place})" for contact in _contacts(feed))
    return f"CASE WHEN {staged} IS NOT NULL AND {kept} THEN {value} END"


def _quoted(column: Column) -> str:
    return f'"{column.name}"'  # `user` is a word of SQL
