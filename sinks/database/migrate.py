"""Migrate the ledger to the shape of this version: numbered migrations, forward only."""

from __future__ import annotations

from service.sql import Migration
from sinks.database.postgres import Connection, away
from sinks.database.sql import LEDGER


def migrate(connection: Connection, to: int | None = None) -> list[Migration]:
    """`service.sql.Schema.migrate`. Raises `Away`, also when a table that must change is in use for long."""
    with away():
        return LEDGER.migrate(connection, to)
