"""History from a real ledger, and without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from edges.database.postgres import Pool, opened, pool
from edges.desk.deadline import answered_within
from edges.desk.history import History
from ronde.shared.whole_settings import WholeSettings
from service.postgres_settings import PostgresSettings
from sinks.database.migrate import migrate
from streams.settings import load

INSERT = """
INSERT INTO ledger.incidents (
    incident_id, site_id, procedure, version, opened_at, closed_at, updated_at, phase, outcome,
    alerts, calls, rounds, dispatches, requests, attentions
) VALUES (%s, %s, 'SECURITY', 2, %s, %s, now(), %s, %s, 1, 2, 1, 0, 0, 0)
"""


@pytest.mark.asyncio
async def test_a_sites_incidents_the_latest_first(database: PostgresSettings) -> None:
    conninfo = make_conninfo(host=database.host, port=database.port, dbname=database.database, user=database.user)
    async with opened(pool(database, "test")) as connections:
        history = History(connections)
        assert (await history.of_site("S1")).source == "AWAY"  # no ledger in it yet
        with psycopg.connect(conninfo, autocommit=True) as connection:
            migrate(connection)
            for name, site, opened_at, closed_at, phase, outcome in (
                ("i1", "S1", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", "CLOSED", "RESOLVED"),
                ("i2", "S1", "2026-01-02T00:00:00Z", None, "WAITING", None),
                ("i3", "S2", "2026-01-02T00:00:00Z", None, "WAITING", None),
            ):
                connection.execute(INSERT, (name, site, opened_at, closed_at, phase, outcome))
        found = await history.of_site("S1")
    assert (found.source, [incident.incident_id for incident in found.incidents]) == ("LEDGER", ["i2", "i1"])
    last = found.model_dump(mode="json")["incidents"][1]
    assert (last["outcome"], last["calls"], last["closed_at"]) == ("RESOLVED", 2, "2026-01-01T00:05:00.000Z")


@pytest.mark.asyncio
async def test_one_whose_site_was_set_aside(database: PostgresSettings) -> None:
    conninfo = make_conninfo(host=database.host, port=database.port, dbname=database.database, user=database.user)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        migrate(connection)
        connection.execute(INSERT, ("i1", "S1", "2026-01-02T00:00:00Z", None, "WAITING", None))
        connection.execute("""
            INSERT INTO ledger.attention (
                attention_id, site_id, reason, repeat, cause, covert, alert_kinds, alert_count, raised_at,
                kafka_partition, kafka_offset
            ) SELECT 'state-0-1-t1', site_id, 'FAILED', 0, 'FAILED', false, '{}', 0, updated_at, 0, 1
            FROM ledger.incidents
        """)
    async with opened(pool(database, "test")) as connections:
        (found,) = (await History(connections).of_site("S1")).incidents
    assert (found.phase, found.closed_at) == ("WAITING", None)
    assert found.set_aside_at is not None


@pytest.mark.asyncio
async def test_postgresql_away() -> None:
    async with opened(pool(PostgresSettings(host="127.0.0.1", port=1), "test")) as connections:
        connections.timeout = 0.2
        assert (await History(connections).of_site("S1")).source == "AWAY"


class FrozenPool:
    """Its server is frozen: a query neither ends nor lets itself be cancelled at once."""

    is_released = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        try:
            await asyncio.sleep(60)
            yield
        finally:
            await asyncio.sleep(0.5)
            self.is_released = True


@pytest.mark.asyncio
async def test_postgresql_frozen() -> None:
    frozen = FrozenPool()
    with answered_within(0.1):
        async with asyncio.timeout(0.4):
            assert (await History(cast("Pool", frozen)).of_site("S1")).source == "AWAY"
    async with asyncio.timeout(5):
        while not frozen.is_released:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)


def test_a_desk_has_history_where_postgresql_is_set(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.touch()
    assert load(file, {}, WholeSettings).for_desk().postgres is None
    assert load(file, {"RONDE_POSTGRES__HOST": "db"}, WholeSettings).for_desk().postgres is not None
