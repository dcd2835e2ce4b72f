"""Read the ledger: rows as named tuples, instants as milliseconds since 1970, UTC, as everywhere in the project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format
from psycopg.rows import kwargs_row

from sinks.database.feed_sql import shown
from sinks.database.postgres import Connection, away
from sinks.database.sql import query
from sinks.rows.feeds import FEED_OF

Row = TypeVar("Row")

_EPOCH: Final = 946_684_800_000  # PostgreSQL counts from 2000-01-01, in microseconds


class NoLedgerError(Exception):
    """The database has no ledger, or one of an older version."""


class _Instant(Loader):
    """Milliseconds of a timestamp; Python's own would not hold all that PostgreSQL's does."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return int.from_bytes(bytes(data), "big", signed=True) // 1000 + _EPOCH


def rows(connection: Connection, statement: str, parameters: Mapping[str, Any], make: Callable[..., Row]) -> list[Row]:
    """The rows that a statement selects, each made by ``make``, whose arguments are named as the columns.

    Raises `Away`, and `NoLedgerError`.
    """
    with away(), connection.cursor(binary=True, row_factory=kwargs_row(make)) as cursor:
        cursor.adapters.register_loader("timestamptz", _Instant)
        try:
            return cursor.execute(statement, parameters).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
            raise NoLedgerError from None


@cache
def select(name: str, topic: str, kind: Any) -> str:
    """The query ``name`` over the table of a topic, for the columns that ``kind``, a named tuple, has fields for."""
    feed = FEED_OF[topic]
    return query(name).format(columns=shown(feed, kind._fields), table=f"ledger.{feed.table}")
