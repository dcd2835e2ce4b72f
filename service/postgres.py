"""How every process of ronde reaches PostgreSQL: connection, session, errors in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from service.postgres_settings import PostgresSettings

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]

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
SESSION: Final = {
    "client_encoding": "UTF8",
    "search_path": "pg_catalog, pg_temp",  # statements name their schema
    "default_transaction_isolation": "read committed",  # see what was committed during a wait for a lock
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "synchronous_commit": "on",  # what a process says after a commit must survive a crash
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
    "idle_in_transaction_session_timeout": "10s",  # a process that is stopped within a transaction blocks the next one
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

# On Debian, Red Hat, Alpine.
_SYSTEM_AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


# Set what this version of PostgreSQL knows of the session: names, then values.
SET_SESSION: Final = """
SELECT pg_catalog.set_config(known.name, wanted.setting, false)
FROM unnest(%s::text[], %s::text[]) AS wanted (name, setting)
JOIN pg_catalog.pg_settings AS known ON lower(known.name) = lower(wanted.name)
"""


def conninfo(settings: PostgresSettings, application: str) -> str:
    """What libpq connects by; the password is in it."""
    return make_conninfo(
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


def connect(settings: PostgresSettings, application: str) -> Session:
    """A connection without a transaction (autocommit). Raises `psycopg.Error`."""
    connection = psycopg.connect(conninfo(settings, application), autocommit=True)
    try:
        connection.execute(SET_SESSION, (list(SESSION), list(SESSION.values())))
    except BaseException:
        connection.close()
        raise
    return connection


def backend(connection: Session) -> int:
    """The process id of the PostgreSQL backend that serves this connection now; behind a pooler it changes."""
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    assert row is not None
    pid: int = row[0]
    return pid


def _authorities(settings: PostgresSettings) -> str | None:
    """The file of the trusted authorities.

    The libpq that comes with psycopg looks for "system" in a folder that no system has. With another mode than
    verify-full it rejects the word itself.
    """
    if settings.sslrootcert == "system" and settings.sslmode == "verify-full":
        return next((file for file in _SYSTEM_AUTHORITIES if Path(file).is_file()), "system")
    return settings.sslrootcert


def reason(error: psycopg.Error) -> str:
    """An error in one line: its SQLSTATE and message, without the details, which may quote the row."""
    words = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{error.sqlstate} {words}" if error.sqlstate else words
