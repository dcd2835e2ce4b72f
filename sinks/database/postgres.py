"""The connection to PostgreSQL, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import psycopg

from service.postgres import SESSION, SET_SESSION, backend, conninfo, reason
from service.postgres_settings import PostgresSettings
from sinks.errors import Away, SinkError

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

_OLDEST: Final = 140_000

# Classes of SQLSTATE about a row, not about the database: data, integrity, limits of a value.
_REFUSALS: Final = ("22", "23", "54")
# Wrong statements, or a ledger of another shape: another attempt would fail too.
_OURS: Final = ("42", "0A", "3F")
_PERMISSION: Final = "42501"
_CHECK: Final = "23514"  # also where a row does not belong into the partition that was found for it
_OTHERS: Final = "_other"  # the end of the name of each table's partition for times without a month


def connect(settings: PostgresSettings, application: str) -> Connection:
    """Connect in autocommit mode, with the session settings of the ledger.

    Raises `Away`, and `SinkError` when the server is too old or the database is in another encoding.
    """
    with away():
        connection = psycopg.connect(conninfo(settings, application), autocommit=True)
        try:
            _check(connection)
            connection.execute(SET_SESSION, (list(SESSION), list(SESSION.values())))
            if backend(connection) != connection.info.backend_pid:
                connection.prepare_threshold = None  # behind a pooler the next statement may go to another session
        except BaseException:
            connection.close()
            raise
    return connection


def _check(connection: Connection) -> None:
    if connection.info.server_version < _OLDEST:
        raise SinkError(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: the ledger needs 14 or later"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SinkError(
            f"the database {connection.info.dbname} is in {encoding}, which does not hold every name as it is "
            "written: make one with ENCODING 'UTF8', and set postgres.database"
        )


@contextmanager
def away() -> Iterator[None]:
    """Turn the errors that a later attempt may not meet into `Away`; let others through."""
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate
        if is_refusal(error) or (state is not None and state.startswith(_OURS) and state != _PERMISSION):
            raise
        if state is None and not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            raise
        raise Away("postgres", reason(error)) from None


def is_refusal(error: psycopg.Error) -> bool:
    """Whether the database refuses a row for its values."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)  # raised by psycopg itself, as for a NUL in a text
    return error.sqlstate.startswith(_REFUSALS) and not is_conflict(error)


def is_conflict(error: psycopg.Error) -> bool:
    """Whether the same transaction may pass when it is tried again.

    A deadlock, a serialization failure; or the month of a row was made by another sink while this one waited to put it
    into the partition for times without one.
    """
    if error.sqlstate == _CHECK:
        return error.diag.constraint_name is None and (error.diag.table_name or "").endswith(_OTHERS)
    return error.sqlstate is not None and error.sqlstate.startswith("40")
