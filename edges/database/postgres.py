"""An edge's pool of connections to PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from service.postgres import SESSION, SET_SESSION, conninfo
from service.postgres_settings import PostgresSettings

AsyncSession: TypeAlias = AsyncConnection[dict[str, Any]]
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
_LIMITS: Final = {"statement_timeout": "6s", "lock_timeout": "3s"}
_SIZE: Final = 8
_WAIT_SECONDS: Final = 3.0
# A connection is tried for after 0, 1 and 2 s, within the wait of who asks; the next who asks begins again. In the
# 5 min that psycopg takes, the pauses double, and no question makes it try sooner: up to 2 min after an outage.
_RECONNECT_SECONDS: Final = 2.0


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
        reconnect_timeout=_RECONNECT_SECONDS,
        configure=configure,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


@asynccontextmanager
async def opened(pool: Pool) -> AsyncIterator[Pool]:
    """Open a pool for a while; it connects in the background, and where that fails once somebody asks."""
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close(timeout=1.0)
