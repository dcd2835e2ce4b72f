"""What a home had before, from the ledger. Without PostgreSQL the desk does all else; this says that it is missing."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

from edges.database.postgres import PASSING, Pool
from edges.database.sql import query
from edges.desk.answers import PastIncident, SiteHistory
from service.logs import logger

_log = logger(__name__)

MOST: Final = 100
_PACKAGE: Final = "edges.desk"


class History:
    """Reads a site's incidents; ``pool`` is None where no PostgreSQL is set."""

    def __init__(self, pool: Pool | None) -> None:
        self._pool = pool

    async def of_site(self, site_id: str) -> SiteHistory:
        """A site's incidents, the latest first."""
        if self._pool is None:
            return SiteHistory(source="NOT_SET", incidents=[])
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(
                    query(_PACKAGE, "history"),
                    {"site": site_id, "most": MOST},
                )
                rows = await cursor.fetchall()
        except (*PASSING, PoolTimeout, psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled) as error:
            _log.warning("the ledger does not answer", error=type(error).__name__)
            return SiteHistory(source="AWAY", incidents=[])
        return SiteHistory(source="LEDGER", incidents=[PastIncident(**row) for row in rows])
