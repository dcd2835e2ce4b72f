"""Brings the ledger to the shape of this version: numbered migrations, forward only."""

from __future__ import annotations

from sinks.errors import SinkError
from sinks.postgres import Connection, away
from sinks.sql import Migration, migrations, query


def migrate(connection: Connection, to: int | None = None) -> list[Migration]:
    """Apply what is missing, each migration in a transaction of its own; those that were applied.

    Of several at once, one works and the others wait for it. ``to`` is the number of the last one (default: all).
    Raises `Away`, and `SinkError` when the ledger was migrated by a newer version, or its database does not do.
    """
    with away():
        _check(connection)
        connection.execute(query("lock_migrations"))
        try:
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
                _apply(connection, migration)
        finally:
            if not connection.closed:
                connection.execute(query("unlock_migrations"))
    return missing


def _check(connection: Connection) -> None:
    if connection.info.server_version < 140_000:
        raise SinkError(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: the ledger needs 14 or later"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SinkError(f"the database's encoding is {encoding}: make one with ENCODING 'UTF8'")


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(query("note_migration"), (migration.number, migration.name))
