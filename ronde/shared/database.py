"""The database of the edges, as a command reaches it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from edges.errors import EdgeError
from ronde.shared.errors import START_POSTGRES, Failed
from service.postgres import Session, connect, reason
from service.postgres_settings import PostgresSettings


@contextmanager
def connected(settings: PostgresSettings, application: str) -> Iterator[Session]:
    """Yield a connection. Raises `Failed`, as the work within does, when PostgreSQL does not answer or refuses."""
    try:
        with connect(settings, application) as connection:
            yield connection
    except EdgeError as error:
        raise Failed(str(error)) from None
    except psycopg.OperationalError as error:
        raise Failed(f"PostgreSQL does not answer: {reason(error)}. {START_POSTGRES}") from None
    except psycopg.Error as error:
        raise refused(error) from None


def refused(error: psycopg.Error) -> Failed:
    """The failure where PostgreSQL answers and does not do it, as for want of a right."""
    return Failed(
        f"PostgreSQL cannot be used: {reason(error)}. Correct the rights of its role, or [postgres] in the settings"
    )
