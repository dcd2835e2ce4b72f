"""An edge's connections to PostgreSQL, and its shape there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from edges.database.sql import Migration, migrations, query
from service.postgres import SESSION, SET_SESSION, conninfo
from service.postgres_settings import PostgresSettings

AsyncSession: TypeAlias = AsyncConnection[dict[str, Any]]
Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[AsyncSession]

# What passes by itself.
PASSING: Final = (
    psycopg.OperationalError,  # PostgreSQL is away
    psycopg.errors.InvalidSchemaName,  # the process's own first connection is about to make the schema
    psycopg.errors.UndefinedTable,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby that is about to lead
    psycopg.errors.IdleInTransactionSessionTimeout,  # this process stood still within a transaction
    psycopg.errors.TransactionTimeout,
)
# A statement that a client was already answered for (503) ends soon after, and keeps no connection.
_LIMITS: Final = {"statement_timeout": "6s", "lock_timeout": "3s", "synchronous_commit": "on"}
_SIZE: Final = 8
_WAIT_SECONDS: Final = 3.0
_LOCK_TIMEOUT: Final = "5s"


class NewerSchemaError(Exception):
    """A newer version of ronde has migrated the schema; the message says so."""


def pool(settings: PostgresSettings, application: str) -> Pool:
    """Connections for requests; not opened yet."""
    session = {**SESSION, **_LIMITS}

    async def configure(connection: AsyncSession) -> None:
        await connection.set_autocommit(True)
        await connection.execute(SET_SESSION, (list(session), list(session.values())))

    return AsyncConnectionPool(
        conninfo(settings, application),
        connection_class=AsyncConnection[dict[str, Any]],
        kwargs={"row_factory": dict_row},
        min_size=1,
        max_size=_SIZE,
        timeout=_WAIT_SECONDS,
        configure=configure,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


@asynccontextmanager
async def opened(pool: Pool) -> AsyncIterator[Pool]:
    """Open a pool for a while; it connects in the background, for as long as it takes."""
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=1.0)


def connect(settings: PostgresSettings, application: str) -> Session:
    """A connection without a transaction (autocommit). Raises `psycopg.Error`."""
    connection = psycopg.connect(conninfo(settings, application), autocommit=True)
    try:
        connection.execute(SET_SESSION, (list(SESSION), list(SESSION.values())))
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: Session, package: str) -> list[Migration]:
    """Apply the migrations of a package that are missing, all of them or nothing; which were applied.

    The package's last name is the schema's. Of several at once, one works and the others wait for it. Raises
    `NewerSchemaError`, and `psycopg.Error`.
    """
    with connection.transaction():
        connection.execute(query(package, "lock_migrations"))
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
        connection.execute(query(package, "migrations"))
        row = connection.execute(query(package, "last_migration")).fetchone()
        assert row is not None
        known = migrations(package)
        if row[0] > len(known):
            raise NewerSchemaError(
                f"the schema {package.rpartition('.')[2]} is at migration {row[0]}, this version of ronde knows "
                f"{len(known)}: a newer one migrated it, run that one"
            )
        missing = [migration for migration in known if migration.number > row[0]]
        for migration in missing:
            connection.execute(migration.sql)
            connection.execute(query(package, "note_migration"), (migration.number, migration.name))
    return missing
