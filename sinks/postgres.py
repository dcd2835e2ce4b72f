"""The connection to PostgreSQL, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from sinks.errors import Away
from sinks.sql import query

if TYPE_CHECKING:
    from sinks.settings import PostgresSettings

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

# A host that vanished is noticed by both ends: no lock outlives it for long.
_CLIENT: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_SERVER: Final = {
    "idle_in_transaction_session_timeout": "10s",  # a sink that is stopped within a transaction holds up the next one
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",  # costs more than it saves in statements of milliseconds
    "timezone": "UTC",
}

# Where systems have them: Debian, Red Hat, Alpine.
_SYSTEM_AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)

# Classes of SQLSTATE that are about the row, not about the database: data, integrity, limits of a value.
_REFUSALS: Final = ("22", "23", "54")
# Wrong statements, or a ledger of another shape: no other attempt would help.
_OURS: Final = ("42", "0A", "3F")
_PERMISSION: Final = "42501"


def connect(settings: PostgresSettings, application: str) -> Connection:
    """A connection without a transaction (autocommit). Raises `Away`."""
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
        **_CLIENT,
    )
    with away():
        connection = psycopg.connect(conninfo, autocommit=True)
        try:
            for name, value in _SERVER.items():
                connection.execute(query("set_for_session"), (name, value))
        except BaseException:
            connection.close()
            raise
    return connection


def _authorities(settings: PostgresSettings) -> str | None:
    """The file of the authorities to trust.

    The libpq that comes with psycopg looks for "system" in a folder that no system has. With another mode than
    verify-full it refuses the word, and says so itself.
    """
    if settings.sslrootcert == "system" and settings.sslmode == "verify-full":
        return next((file for file in _SYSTEM_AUTHORITIES if Path(file).is_file()), "system")
    return settings.sslrootcert


@contextmanager
def away() -> Iterator[None]:
    """Turn the errors that time may heal into `Away`; others are let through."""
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
    """True when the database refuses a row for what it holds."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)  # found on this side, as a NUL in a text
    return error.sqlstate.startswith(_REFUSALS)


def is_conflict(error: psycopg.Error) -> bool:
    """True when the same transaction, begun again, may well pass: a deadlock, a serialization failure."""
    return error.sqlstate is not None and error.sqlstate.startswith("40")


def reason(error: psycopg.Error) -> str:
    """An error in one line: its SQLSTATE and the database's words, without the row that its details would quote."""
    words = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{error.sqlstate} {words}" if error.sqlstate else words
