"""The connection to PostgreSQL, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from sinks.database.sql import query
from sinks.errors import Away, SinkError

if TYPE_CHECKING:
    from sinks.settings import PostgresSettings

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

# Both ends notice a host that vanished, so no lock outlives it for long.
_CLIENT: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# All that the statements depend on; the server, the database and the role may have any default.
_SESSION: Final = {
    "client_encoding": "UTF8",
    "search_path": "pg_catalog, pg_temp",  # statements name the schema of the ledger
    "default_transaction_isolation": "read committed",  # see what was committed during a wait for a lock
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "bytea_output": "hex",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "jit": "off",  # costs more than it saves in statements of milliseconds
    # A role's limits are meant for people's queries. A statement that must not wait for a lock sets `lock_timeout`.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "10s",  # a sink that is stopped within a transaction blocks the next one
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_OLDEST: Final = 140_000

# On Debian, Red Hat, Alpine.
_SYSTEM_AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)

# Classes of SQLSTATE about a row, not about the database: data, integrity, limits of a value.
_REFUSALS: Final = ("22", "23", "54")
# Wrong statements, or a ledger of another shape: another attempt would fail too.
_OURS: Final = ("42", "0A", "3F")
_PERMISSION: Final = "42501"


def connect(settings: PostgresSettings, application: str) -> Connection:
    """Connect in autocommit mode, with the session settings of the ledger.

    Raises `Away`, and `SinkError` when the server is too old or the database is in another encoding.
    """
    conninfo = make_conninfo(
        host=settings.host,
        port=settings.port,
        dbname=settings.database,
        user=settings.user,
        password=settings.password,
        sslmode=settings.sslmode,
        sslrootcert=_authorities(settings),
        sslcert=settings.sslcert,
        sslkey=settings.sslkey,
        application_name=application,
        client_encoding="UTF8",
        **_CLIENT,
    )
    with away():
        connection = psycopg.connect(conninfo, autocommit=True)
        try:
            _check(connection)
            connection.execute(query("set_session"), (list(_SESSION), list(_SESSION.values())))
            if backend(connection) != connection.info.backend_pid:
                connection.prepare_threshold = None  # behind a pooler the next statement may go to another session
        except BaseException:
            connection.close()
            raise
    return connection


def _authorities(settings: PostgresSettings) -> str | None:
    """The file of the trusted authorities.

    The libpq that comes with psycopg looks for "system" in a folder that no system has. With another mode than
    verify-full it rejects the word itself.
    """
    if settings.sslrootcert == "system" and settings.sslmode == "verify-full":
        return next((file for file in _SYSTEM_AUTHORITIES if Path(file).is_file()), "system")
    return settings.sslrootcert


def backend(connection: Connection) -> int:
    """The process id of the PostgreSQL backend that serves this connection now; behind a pooler it changes."""
    row = connection.execute(query("backend")).fetchone()
    assert row is not None
    pid: int = row[0]
    return pid


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
    return error.sqlstate.startswith(_REFUSALS)


def is_conflict(error: psycopg.Error) -> bool:
    """Whether the same transaction may pass when it is tried again: a deadlock, a serialization failure."""
    return error.sqlstate is not None and error.sqlstate.startswith("40")


def reason(error: psycopg.Error) -> str:
    """An error in one line: its SQLSTATE and message, without the details, which may quote the row."""
    words = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{error.sqlstate} {words}" if error.sqlstate else words
