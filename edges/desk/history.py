"""What a home had before, from the ledger. Without PostgreSQL the desk does all else; this says that it is missing."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from edges.database.postgres import PASSING, Pool
from edges.desk.answers import PastIncident, SiteHistory
from edges.desk.deadline import left
from edges.kafka.producer import CONFIRM_SECONDS
from service.logs import logger
from service.sql import query

_log = logger(__name__)

MOST: Final = 100
_PACKAGE: Final = "edges.desk"


class History:
    """Reads a site's incidents; ``pool`` is None where no PostgreSQL is set."""

    def __init__(self, pool: Pool | None) -> None:
        self._pool = pool
        self._running: set[asyncio.Task[SiteHistory]] = set()

    async def of_site(self, site_id: str) -> SiteHistory:
        """A site's incidents, the latest first."""
        if self._pool is None:
            return SiteHistory(source="NOT_SET", incidents=[])
        task = asyncio.create_task(self._read(self._pool, site_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=left(CONFIRM_SECONDS))
        if done:
            return task.result()
        task.cancel()  # not waited for: a connection whose server is frozen takes up to 10 s to let go of a query
        return _away("no answer in time")

    async def _read(self, pool: Pool, site_id: str) -> SiteHistory:
        try:
            async with pool.connection() as connection:
                cursor = await connection.execute(
                    query(_PACKAGE, "history"),
                    {"site": site_id, "most": MOST},
                )
                rows = await cursor.fetchall()
        except (*PASSING, PoolTimeout, psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled) as error:
            return _away(type(error).__name__)
        return SiteHistory(source="LEDGER", incidents=[PastIncident(**row) for row in rows])


def _away(reason: str) -> SiteHistory:
    _log.warning("the ledger does not answer", error=reason)
    return SiteHistory(source="AWAY", incidents=[])
