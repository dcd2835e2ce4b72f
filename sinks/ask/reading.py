"""Reads the ledger: rows as named tuples, instants as milliseconds since 1970, UTC, as everywhere in the project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format
from psycopg.rows import class_row

from sinks.database.postgres import Connection, away
from sinks.database.sql import query

T = TypeVar("T")

_EPOCH: Final = 946_684_800_000  # PostgreSQL counts from 2000-01-01, in microseconds


class NoLedgerError(Exception):
    """The database has no ledger, or one of an older version."""


class _Instant(Loader):
    """Milliseconds of a timestamp; Python's own would not hold all that PostgreSQL's does."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return int.from_bytes(bytes(data), "big", signed=True) // 1000 + _EPOCH


def rows(connection: Connection, name: str, parameters: Mapping[str, Any], kind: type[T]) -> list[T]:
    """What a query finds, each row as ``kind``, whose fields are named as its columns.

    Raises `Away`, and `NoLedgerError`.
    """
    with away(), connection.cursor(binary=True, row_factory=class_row(kind)) as cursor:
        cursor.adapters.register_loader("timestamptz", _Instant)
        try:
            return cursor.execute(query(name), parameters).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
            raise NoLedgerError from None
