"""PostgreSQL away, slow or full: the sink waits, says so, and goes on; nothing is lost and nothing doubled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from sinks.database.migrate import migrate
from tests.conftest import SettingsFile
from tests.sinks.bench import is_whole
from tests.sinks.compare import assert_same
from tests.sinks.conftest import Sink
from tests.sinks.records import Record, neighbourhoods
from tests.support.waiting import eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A server that a test may stop and kill."""
    server = Postgres(tmp_path / "postgres", port=free_port())
    server.start()
    yield server
    server.stop()


@contextmanager
def load(publish: Callable[[list[Record]], None], records: list[Record], pieces: int) -> Iterator[threading.Thread]:
    """Records come piece by piece, five a second, independent of the ledger."""

    def run() -> None:
        for number in range(pieces):
            publish(records[number * len(records) // pieces : (number + 1) * len(records) // pieces])
            time.sleep(0.2)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("seconds", "crash"),
    [(2, True), pytest.param(60, False, marks=pytest.mark.soak), pytest.param(60, True, marks=pytest.mark.soak)],
)
def test_postgresql_may_stop_or_crash_under_load(
    seconds: int,
    crash: bool,
    server: Postgres,
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
) -> None:
    records = neighbourhoods(partitions=3, sites=40 + 4 * seconds, minutes=12 * 60)
    running = sink(
        sink_file(sink={"chunk_max": 50}, postgres={"host": HOST, "port": server.port or 0, "database": "ronde"})
    )
    with load(publish, records, pieces=10 + 5 * seconds):
        eventually(running.is_ready, "the sink ready")
        (server.kill if crash else server.stop)()
        reasons = eventually(running.reasons, "the sink says that it waits")
        assert "connection" in reasons["postgres"] or "terminat" in reasons["postgres"]
        assert running.page("health")[0] == 200
        time.sleep(seconds)
        server.start()
    with psycopg.connect(server.conninfo(), autocommit=True, options="-c timezone=UTC") as ledger:
        eventually(lambda: is_whole(ledger, records), "all records in the ledger")
        assert_same(ledger, records)
    eventually(running.is_ready, "the sink ready again")
    assert 'ronde_sink_failures_total{thing="postgres"}' in running.page("metrics")[1]
    assert '"seconds": 1,' in running.said(), "pauses grow up to the longest one"


def test_a_sink_that_starts_before_postgresql_waits_for_it(
    server: Postgres, sink_file: SettingsFile, sink: Callable[..., Sink], publish: Callable[[list[Record]], None]
) -> None:
    server.stop()
    running = sink(sink_file(postgres={"host": HOST, "port": server.port or 0, "database": "ronde"}))
    eventually(lambda: "postgres" in running.reasons(), "the sink says that it waits")
    server.start()
    eventually(running.is_ready, "the sink ready")
    assert running.stop() == 0


def test_a_full_disk_is_waited_for_and_no_record_is_blamed_for_it(
    ledger: psycopg.Connection[Any],
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
) -> None:
    """The disk is not really full: a trigger says what PostgreSQL says then."""
    records = neighbourhoods(partitions=3, sites=5, minutes=60)
    migrate(ledger)
    ledger.execute(
        "CREATE FUNCTION ledger.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
    )
    ledger.execute("CREATE TRIGGER fill BEFORE INSERT ON ledger.incident_events EXECUTE FUNCTION ledger.fill()")
    running = sink(sink_file())
    publish(records)
    reasons = eventually(lambda: running.is_ready() is False and running.reasons().get("postgres"), "it waits")
    assert reasons == "53100 could not extend file"
    ledger.execute("DROP TRIGGER fill ON ledger.incident_events")
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert_same(ledger, records)
    assert ledger.execute("SELECT count(*) FROM ledger.refused").fetchone() == (0,)


def test_a_slow_postgresql_is_told_of_and_waited_for(
    ledger: psycopg.Connection[Any],
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
) -> None:
    records = neighbourhoods(partitions=3, sites=5, minutes=60)
    running = sink(sink_file())
    publish(records)
    eventually(lambda: is_whole(ledger, records), "the first records in the ledger")
    further = neighbourhoods(partitions=3, sites=5, minutes=120)
    with ledger.transaction():
        ledger.execute("LOCK TABLE ledger.incident_events IN ACCESS EXCLUSIVE MODE")
        publish([record for record in further if record not in records])
        reasons = eventually(running.reasons, "it says that it waits")
        assert reasons["postgres"].startswith("PostgreSQL is slow: a transaction has been under way for ")
        eventually(lambda: behind(running) > 0, "the lag grows while the write hangs")
    eventually(lambda: is_whole(ledger, further), "all records in the ledger")
    assert_same(ledger, further)
    eventually(running.is_ready, "the sink ready again")
    eventually(lambda: behind(running) == 0, "no lag")


def behind(running: Sink) -> float:
    """The records that the sink says are not in the ledger yet."""
    shown = running.page("metrics")[1].splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in shown if line.startswith("ronde_sink_lag_records{"))
