"""The SQL of the portal, which is all in files: `queries/`, one a question, and `migrations/`, one a version."""

from __future__ import annotations

from typing import Final

from edges.database import sql

PACKAGE: Final = "edges.portal"


def query(name: str) -> str:
    """The statements of ``queries/<name>.sql``."""
    return sql.query(PACKAGE, name)


def migrations() -> tuple[sql.Migration, ...]:
    """All migrations, in order."""
    return sql.migrations(PACKAGE)
