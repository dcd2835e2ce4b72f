"""A home to configure, and the account of its owner: what `ronde local up --portal` makes for a portal to show."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING, Final

import psycopg

from edges.database.postgres import opened, pool
from edges.errors import DatabaseAwayError, EdgeError
from edges.portal import changes
from edges.portal.configuration import Person
from edges.portal.rows import Edit
from edges.portal.sql import migrate
from edges.portal.store import Store
from edges.web import accounts
from edges.web.files import FileError
from ronde.shared.errors import Failed
from service.clock import now_ms
from service.postgres import connect, reason
from streams.kafka import topics
from streams.kafka.topics import TopicsError

if TYPE_CHECKING:
    from ronde.shared.whole_settings import WholeSettings
    from service.postgres_settings import PostgresSettings

SITE: Final = "HOME"
OWNER: Final = "owner@example.org"
_NAME: Final = "My home"
_BY: Final = "ronde local up"
_PEOPLE: Final = (
    Person("claire", "OWNER", "Claire", "Martin", OWNER),
    Person("marc", "OWNER", "Marc", "Martin"),
    Person("yann", "MEMBER", "Yann", "Martin"),
)


def prepare(settings: WholeSettings) -> str | None:
    """Make the topics, the home and its owner's account; the password, None where there is that account already.

    What is there stays as it is. Raises `Failed`.
    """
    try:
        topics.create(settings)
        with connect(settings.postgres, _BY) as connection:
            migrate(connection)
        asyncio.run(_make(settings.postgres))
        path = settings.web.users_file
        if any(account.name == OWNER for account in accounts.listed(path)):
            return None
        password = secrets.token_urlsafe(9)
        accounts.add(path, OWNER, "customer", (), password)
    except psycopg.Error as error:
        raise Failed(f"the home cannot be made: {reason(error)}") from None
    except DatabaseAwayError:
        raise Failed("PostgreSQL does not answer; run this again") from None
    except (TopicsError, EdgeError, FileError) as error:
        raise Failed(str(error)) from None
    return password


async def _make(settings: PostgresSettings) -> None:
    """A site that is subscribed and lacks everything else, where the portal never had one of this id."""
    async with opened(pool(settings, _BY)) as connections:
        store = Store(connections)
        if await store.holds(SITE):
            return
        now = now_ms()
        made = changes.created(SITE, _NAME, _PEOPLE, ())._replace(subscribed=True)
        await store.create(made, Edit(_BY, "site", hashlib.sha256(SITE.encode()).digest(), now))
