"""Months are made ahead, and nobody waits for one: not the sink, not a reader, not a dump."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

import psycopg
import pytest

from service.lost_leader import Standstill
from sinks.database.migrate import migrate
from sinks.database.sql import query
from sinks.errors import SinkError
from sinks.forget.erasures import Erasure, carry_out
from sinks.forget.retention import retain
from sinks.observe.metrics import SinkMetrics
from sinks.observe.readiness import SinkReadiness
from sinks.process import session as session_module
from sinks.process.session import Session
from sinks.settings import Configuration
from sinks.write import ledger as ledger_module
from sinks.write.ledger import Ledger
from streams.settings import Settings
from tests.sinks.compare import assert_same
from tests.sinks.night import night
from tests.sinks.records import Record, neighbourhoods
from tests.sinks.test_erasures import LATER
from tests.sinks.writing import chunk, messages
from tests.support.waiting import eventually

PATIENCE_MS: Final = "5000"


@pytest.fixture
def made(ledger: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    migrate(ledger)
    return ledger


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return neighbourhoods(partitions=1, sites=10, minutes=3 * 60)


@contextmanager
def dump(made: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """What `pg_dump` holds while it runs: a snapshot, and every table that is there, to be read."""
    with psycopg.connect(made.info.dsn, autocommit=True) as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        tables = reader.execute("SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'ledger'::regnamespace"
                                " AND relkind IN ('r', 'p') ORDER BY oid").fetchall()  # fmt: skip
        for (table,) in tables:
            reader.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        yield reader


def months(made: psycopg.Connection[Any]) -> set[str]:
    found = made.execute("SELECT ledger.months_before('infinity')::text").fetchall()
    return {name for (name,) in found}


def test_a_chunk_of_a_new_month_waits_for_no_dump_and_readers_do_not_wait_for_it(
    made: psycopg.Connection[Any], records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list(messages(records))
    with dump(made), psycopg.connect(made.info.dsn, autocommit=True) as reader:
        reader.execute(f"SET statement_timeout = {PATIENCE_MS}")
        made.execute(f"SET statement_timeout = {PATIENCE_MS}")
        sink = Ledger(made, "a sink")
        sink.claim({(str(one.topic()), one.partition() or 0) for one in given})
        writing = threading.Thread(target=sink.write, args=(chunk(given),))
        writing.start()
        while writing.is_alive():
            reader.execute("SELECT count(*) FROM ledger.incident_events, ledger.alerts").fetchone()
        writing.join()
        assert_same(made, records)
        assert months(made) == set()

    assert_same(made, records)
    monkeypatch.setattr(sink, "_months_from", 0.0)
    sink.add_months({date(2026, 1, 1)})
    assert len(months(made)) == 12
    assert_same(made, records)
    assert made.execute("SELECT count(*) FROM ledger.incident_events_other").fetchone() == (0,)


def test_who_reads_two_tables_and_who_makes_a_month_do_not_wait_for_each_other(made: psycopg.Connection[Any]) -> None:
    """The tables come in the order of their names; the reader has a late one first, then an early one."""
    sink = Ledger(made, "a sink")
    with psycopg.connect(made.info.dsn, autocommit=True) as reader:
        reader.execute(f"SET statement_timeout = {PATIENCE_MS}")
        with reader.transaction():
            reader.execute("SELECT count(*) FROM ledger.quarantined")
            making = threading.Thread(target=sink.add_months, args=({date(2026, 1, 1)},))
            making.start()
            blocked = "SELECT FROM pg_locks WHERE NOT granted"
            with psycopg.connect(made.info.dsn, autocommit=True) as watcher:
                eventually(lambda: watcher.execute(blocked).fetchone() is not None, "the month waits")
            reader.execute("SELECT count(*) FROM ledger.alerts")
            making.join()
    assert 0 < len(months(made)) < 12


def test_what_is_dropped_does_not_make_readers_wait_behind_a_dump(
    made: psycopg.Connection[Any], records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.forget.retention._LOCK_TIMEOUT", "100ms")
    made.execute("SELECT ledger.add_month('2026-01-01')")
    with dump(made), pytest.raises(SinkError, match=r"ledger\.alerts_y2026m01 is in use, by a dump for example"):
        retain(made, 1, date(2026, 3, 1))
    assert len(retain(made, 1, date(2026, 3, 1)).partitions) == 12


@contextmanager
def making(made: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Another sink amid the making of January for alerts; it is made at the end."""
    with psycopg.connect(made.info.dsn, autocommit=True) as other, other.transaction():
        other.execute(query("lock_months"))
        other.execute(query("add_month"), ("ledger.alerts", date(2026, 1, 1)))
        yield other


def awaited(connection: psycopg.Connection[Any]) -> None:
    """Wait until another session waits for a lock."""
    blocked = (
        "SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE NOT granted AND datname = current_database()"
    )
    eventually(lambda: connection.execute(blocked).fetchone() is not None, "it waits")


def test_an_erasure_finds_the_rows_that_move_into_their_month(made: psycopg.Connection[Any]) -> None:
    alerts = [record for record in night() if record.topic == "alerts"]
    sink = Ledger(made, "a sink")
    sink.claim({("ronde.alerts", record.partition) for record in alerts})
    sink._months.add(date(2026, 1, 1))
    sink.write(chunk(messages(alerts)))
    assert made.execute("SELECT count(*) FROM ledger.alerts_other WHERE detail IS NOT NULL").fetchone() == (2,)
    with ThreadPoolExecutor(1) as thread:
        with making(made) as other:
            erased = thread.submit(carry_out, made, Erasure("S1", "", LATER))
            awaited(other)
        assert erased.result() == 2
    assert (
        made.execute("SELECT tableoid::regclass::text, detail FROM ledger.alerts").fetchall()
        == [("ledger.alerts_y2026m01", None)] * 2
    )


def test_a_row_whose_month_is_made_meanwhile_is_written_again_and_not_refused(
    made: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a chunk is written by halves, for another row in it that the database refuses."""
    alert = next(record for record in night() if record.topic == "alerts")
    sink = Ledger(made, "a sink")
    sink.claim([("ronde.alerts", alert.partition)])
    sink._months.add(date(2026, 1, 1))
    monkeypatch.setattr(sink, "_write", lambda given: sink._transact(given, "by halves"))
    with ThreadPoolExecutor(1) as thread:
        with making(made) as other:
            written = thread.submit(sink.write, chunk(messages([alert])))
            awaited(other)
        assert written.result().refused == []
    assert made.execute("SELECT tableoid::regclass::text FROM ledger.alerts").fetchall() == [
        ("ledger.alerts_y2026m01",)
    ]


def test_the_next_month_is_made_while_a_sink_runs(
    monkeypatch: pytest.MonkeyPatch,
    configuration: Configuration,
    topics: Settings,
    made: psycopg.Connection[Any],
) -> None:
    assert topics.prefix == configuration.prefix
    monkeypatch.setattr(session_module, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(ledger_module, "_MONTHS_AGAIN_SECONDS", 0.1)
    wanted = {date(2026, 1, 1)}
    monkeypatch.setattr(session_module, "_this_month_and_the_next", lambda: set(wanted))
    session = Session(configuration, None, Standstill(), SinkReadiness(), SinkMetrics())
    stopping = threading.Event()
    running = threading.Thread(target=session.run, args=(stopping,))
    running.start()
    try:
        eventually(lambda: len(months(made)) == 12, "this month")
        wanted.add(date(2026, 2, 1))
        eventually(lambda: len(months(made)) == 24, "the next month")
    finally:
        stopping.set()
        running.join()
        session.close()
