"""The ledger's shape: from nothing, from each version before, by several at once, and described in full."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.local.postgres_binaries import OLDEST, locked, this_platform
from service.postgres_settings import PostgresSettings
from sinks.database.migrate import migrate
from sinks.database.sql import migrations
from sinks.errors import SinkError
from sinks.forget.retention import retain
from sinks.write.ledger import Ledger
from tests.sinks.compare import assert_same
from tests.sinks.conftest import connected
from tests.sinks.records import Record, neighbourhoods
from tests.sinks.writing import chunk, messages, write


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return neighbourhoods(partitions=1, sites=20, minutes=6 * 60)


def test_an_empty_database_becomes_a_ledger_once(ledger: psycopg.Connection[Any]) -> None:
    assert migrate(ledger) == list(migrations())
    assert migrate(ledger) == []


def test_several_at_once_migrate_once(database: PostgresSettings) -> None:
    def one(_: int) -> int:
        with connected(database) as connection:
            return len(migrate(connection))

    with ThreadPoolExecutor(4) as sinks:
        assert sorted(sinks.map(one, range(4))) == [0, 0, 0, len(migrations())]


@pytest.mark.parametrize("version", range(2, len(migrations())))
def test_data_of_the_version_before_stays(
    version: int, ledger: psycopg.Connection[Any], postgres: Postgres, records: list[Record]
) -> None:
    """The first version cannot hold data yet: it has no months."""
    name = f"{ledger.info.dbname}-before"
    ledger.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        with connected(PostgresSettings(host=HOST, port=postgres.port or 0, database=name)) as source:
            migrate(source)
            write(source, messages(records))
            migrate(ledger, to=version)
            ledger.execute("SELECT ledger.add_month('2026-01-01')")
            copy_all(source, ledger)
    finally:
        ledger.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    assert [migration.number for migration in migrate(ledger)] == list(range(version + 1, len(migrations()) + 1))
    assert_same(ledger, records)
    further = neighbourhoods(partitions=2, sites=20, minutes=6 * 60)
    write(ledger, (one for one in messages(further) if one.partition() == 1))
    assert_same(ledger, [*records, *(record for record in further if record.partition == 1)])


def copy_all(source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    """The rows of every table that both have, as a dump would bring them."""
    query = """
        SELECT table_name, array_agg(column_name::text)
        FROM information_schema.columns
        JOIN pg_class ON pg_class.oid = format('ledger.%I', table_name)::regclass AND NOT relispartition
        WHERE table_schema = 'ledger' AND is_generated = 'NEVER' AND relkind IN ('r', 'p')
            AND table_name <> 'migrations'
        GROUP BY table_name
    """
    for table, columns in target.execute(query).fetchall():
        listed = SQL(", ").join(map(Identifier, columns))
        out = SQL("COPY (SELECT {} FROM ledger.{}) TO STDOUT").format(listed, Identifier(table))
        into = SQL("COPY ledger.{} ({}) FROM STDIN").format(Identifier(table), listed)
        with source.cursor().copy(out) as rows, target.cursor().copy(into) as copy:
            for row in rows:
                copy.write(row)


def test_a_ledger_of_a_newer_version_is_left_alone(ledger: psycopg.Connection[Any]) -> None:
    migrate(ledger)
    ledger.execute("INSERT INTO ledger.migrations (number, name) VALUES (99, 'of tomorrow')")
    with pytest.raises(SinkError, match="a newer one migrated it"):
        migrate(ledger)


def test_every_table_and_column_is_described(ledger: psycopg.Connection[Any]) -> None:
    migrate(ledger)
    undescribed = ledger.execute("""
        SELECT relname, attname
        FROM pg_class
        JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
        WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND (col_description(attrelid, attnum) IS NULL OR obj_description(pg_class.oid) IS NULL)
    """).fetchall()
    assert undescribed == []


def test_months_are_made_once_and_hold_their_rows(ledger: psycopg.Connection[Any], records: list[Record]) -> None:
    migrate(ledger)
    write(ledger, messages(records))
    ledger.execute("SELECT ledger.add_month('2026-01-31')")
    months = ledger.execute("SELECT DISTINCT tableoid::regclass::text FROM ledger.incident_events").fetchall()
    assert months == [("ledger.incident_events_y2026m01",)]
    bounds = ledger.execute(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'incident_events_y2026m01'"
    ).fetchone()
    assert bounds == ("FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00')",)


def test_rows_that_come_after_their_month_was_dropped_do_not_keep_it_from_being_made_again(
    ledger: psycopg.Connection[Any], records: list[Record]
) -> None:
    """As when a sink writes what is old while `ronde ledger retain` drops it: it believes that the month is there."""
    migrate(ledger)
    given = list(messages(records))
    half = len(given) // 2
    late = Ledger(ledger, "late")
    late.claim({(str(one.topic()), 0) for one in given})
    late.write(chunk(given[:half]))
    for partition in retain(ledger, 1, date(2026, 3, 1)).partitions:
        assert partition.endswith("_y2026m01")
    late.write(chunk(given[half:]))
    assert ledger.execute("SELECT count(*) > 0 FROM ledger.incident_events_other").fetchone() == (True,)

    ledger.execute("DISCARD TEMPORARY; UPDATE ledger.positions SET next_offset = 0")
    assert write(ledger, given) == []
    decisions = sum(record.topic == "decisions" for record in records)
    assert ledger.execute("SELECT count(*) FROM ledger.incident_events_y2026m01").fetchone() == (decisions,)
    assert ledger.execute("SELECT count(*) FROM ledger.incident_events_other").fetchone() == (0,)


@pytest.mark.skipif((this_platform(), OLDEST) not in locked(), reason="not built for this platform")
@pytest.mark.server
def test_the_oldest_postgresql_that_is_promised_does(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    server = Postgres(tmp_path_factory.mktemp("oldest"), port=free_port(), version=OLDEST)
    try:
        server.start()
        with psycopg.connect(server.conninfo(), autocommit=True, options="-c timezone=UTC") as connection:
            assert connection.info.server_version // 10_000 == 14
            migrate(connection)
            write(connection, messages(records))
            assert_same(connection, records)
    finally:
        server.stop()
