"""Refuse a pooler in transaction mode, for who needs a session of PostgreSQL to itself."""

from __future__ import annotations

from contextlib import suppress

import psycopg

from service.postgres import Session, backend, connect
from service.postgres_settings import PostgresSettings


def refuse_shared_sessions(connection: Session, settings: PostgresSettings, who: str, error: type[Exception]) -> None:
    """Raise an ``error`` when another connection can have the same session.

    Staging tables, settings, prepared statements and some locks belong to the session. ``who``: what needs one.
    """
    first = backend(connection)
    if first == connection.info.backend_pid:
        return  # PostgreSQL itself: no pooler between
    with suppress(psycopg.Error), connect(settings, f"ronde {who}, a look at the pooler") as other:
        second, third = backend(other), backend(connection)
        if second in {first, third} or first != third:
            raise error(
                f"{settings.host}:{settings.port} shares PostgreSQL's sessions between its clients, as PgBouncer does "
                f"in transaction mode; a {who} needs one to itself: set postgres.host and postgres.port to PostgreSQL, "
                "or to a pool in session mode"
            )
