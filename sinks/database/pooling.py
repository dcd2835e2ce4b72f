"""Refuse a pooler in transaction mode: a sink needs a session of PostgreSQL to itself."""

from __future__ import annotations

from contextlib import suppress

from service.postgres_settings import PostgresSettings
from sinks.database.postgres import Connection, backend, connect
from sinks.errors import Away, SinkError


def refuse_shared_sessions(connection: Connection, settings: PostgresSettings) -> None:
    """Raise `SinkError` when another connection can have the same session.

    Staging tables, settings and prepared statements belong to the session.
    """
    if connection.prepare_threshold is not None:
        return  # PostgreSQL itself: no pooler between
    first = backend(connection)
    with suppress(Away), connect(settings, "ronde sink, a look at the pooler") as other:
        second, third = backend(other), backend(connection)
        if second in {first, third} or first != third:
            raise SinkError(
                f"{settings.host}:{settings.port} shares PostgreSQL's sessions between its clients, as PgBouncer does "
                "in transaction mode; a sink needs one to itself: set postgres.host and postgres.port to PostgreSQL, "
                "or to a pool in session mode"
            )
