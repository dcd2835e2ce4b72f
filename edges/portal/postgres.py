"""The portal's connections to PostgreSQL, and its shape there."""

from __future__ import annotations

from edges.database import postgres
from edges.database.postgres import AsyncSession, NewerSchemaError, Pool, Session, connect, opened, pool
from edges.database.sql import Migration
from edges.errors import EdgeError
from edges.portal.sql import PACKAGE

__all__ = ["AsyncSession", "Pool", "Session", "connect", "migrate", "opened", "pool"]


def migrate(connection: Session) -> list[Migration]:
    """Apply the migrations that are missing, all of them or nothing; which were applied.

    Raises `EdgeError` when a newer version migrated it, and `psycopg.Error`.
    """
    try:
        return postgres.migrate(connection, PACKAGE)
    except NewerSchemaError as error:
        raise EdgeError(str(error)) from None
