"""The schema `partners`: its SQL in files, its migrations."""

from __future__ import annotations

from typing import Final

from edges.database import postgres, sql
from edges.database.postgres import NewerSchemaError, Session
from edges.database.sql import Migration
from edges.errors import EdgeError

PACKAGE: Final = "edges.partners"


def query(name: str) -> str:
    """The statements of ``queries/<name>.sql``."""
    return sql.query(PACKAGE, name)


def migrate(connection: Session) -> list[Migration]:
    """Apply the migrations that are missing. Raises `EdgeError` when a newer version migrated it."""
    try:
        return postgres.migrate(connection, PACKAGE)
    except NewerSchemaError as error:
        raise EdgeError(str(error)) from None
