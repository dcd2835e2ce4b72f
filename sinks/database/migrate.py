"""Migrate the ledger to the shape of this version: numbered migrations, forward only."""

from __future__ import annotations

from typing import Final

from sinks.database.postgres import Connection, away
from sinks.database.sql import Migration, migrations, query
from sinks.errors import SinkError

_LOCK_TIMEOUT: Final = "5s"  # others would wait behind this one


def migrate(connection: Connection, to: int | None = None) -> list[Migration]:
    """Apply the missing migrations, all or none; return them.

    Of several processes at once, one works and the others wait for it. ``to`` is the number of the last migration
    (default: all). Raises `Away`, also when a table that must change is in use for long, and `SinkError` when a newer
    version migrated the ledger.
    """
    # A lock of the transaction: one of the session would outlive its owner in the connection of a pooler.
    with away(), connection.transaction():
        connection.execute(query("lock_migrations"))
        connection.execute(query("set_lock_timeout"), (_LOCK_TIMEOUT,))
        connection.execute(query("migrations"))
        row = connection.execute(query("last_migration")).fetchone()
        assert row is not None
        done: int = row[0]
        known = migrations()
        if done > len(known):
            raise SinkError(
                f"the ledger is at migration {done}, this version of ronde knows {len(known)}: "
                "a newer one migrated it, run that one"
            )
        missing = [migration for migration in known[:to] if migration.number > done]
        for migration in missing:
            connection.execute(migration.sql)
            connection.execute(query("note_migration"), (migration.number, migration.name))
    return missing
