"""What waits to be passed on, and what is noted once it was: the relay's questions to the database."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg.rows import dict_row

from edges.portal.core import Instant
from edges.portal.rows import stored
from edges.portal.sql import query
from edges.portal.transmitters import transmitter
from service.postgres import Session


class Waiting(NamedTuple):
    """A key whose last state Kafka does not have.

    Attributes:
        change: the number of the change that put it into the outbox, or of a later one.
        revision: of the state; 0 for a transmitter.
        state: the record's value, in the order of its schema; None: a tombstone.

    """

    topic: str
    key: str
    change: int
    revision: int
    state: Any


def take(database: Session, owner: str, seconds: float) -> bool:
    """Take or renew the lease; False: another portal has it."""
    row = database.execute(query("take_relay"), {"owner": owner, "seconds": seconds}).fetchone()
    return row is not None


def read(database: Session, limit: int) -> list[Waiting]:
    """Keys and their states, all of one instant, in the order of their changes."""
    with database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        keys = database.execute(query("outbox"), {"limit": limit}).fetchall()
        if not keys:
            return []
        cursor = database.cursor(row_factory=dict_row)
        site_ids = [key for topic, key, _ in keys if topic == "sites"]
        accounts = [key for topic, key, _ in keys if topic == "transmitters"]
        rows = cursor.execute(query("sites"), {"site_ids": site_ids}).fetchall() if site_ids else []
        states: dict[tuple[str, str], tuple[int, Any]] = {}
        for row in rows:
            site = stored(row)
            record = None if site.is_deleted else site.configuration.record()
            states["sites", site.configuration.site_id] = (site.configuration.revision, record)
        rows = cursor.execute(query("transmitters"), {"accounts": accounts}).fetchall() if accounts else []
        for row in rows:
            states["transmitters", row["account"]] = (0, transmitter(row))
    return [Waiting(topic, key, change, *states[topic, key]) for topic, key, change in keys]


def note(database: Session, waiting: list[Waiting], at: Instant) -> None:
    """Note that Kafka has them; keys that changed meanwhile wait on.

    Each statement is a transaction of its own: a relay that is put to sleep between them holds no lock. What is noted
    and still waits is published again.
    """
    sites = [entry for entry in waiting if entry.topic == "sites"]
    if sites:
        database.execute(
            query("note_published"),
            {
                "site_id": [entry.key for entry in sites],
                "revision": [entry.revision for entry in sites],
                "at": [at] * len(sites),
            },
        )
    database.execute(
        query("published"),
        {
            "topic": [entry.topic for entry in waiting],
            "key": [entry.key for entry in waiting],
            "change": [entry.change for entry in waiting],
        },
    )


def backlog(database: Session) -> tuple[int, float]:
    """How many keys wait, and for how many seconds the oldest does."""
    row = database.execute(query("backlog")).fetchone()
    assert row is not None
    return row[0], row[1]
