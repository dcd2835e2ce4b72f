"""Through a pooler: a sink says that it needs a session to itself, commands read all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from ronde.local.ports import HOST
from seal.store import Store, connect_to_seal, make_schema
from service.pooling import refuse_shared_sessions
from service.postgres_settings import PostgresSettings
from sinks.database.migrate import migrate
from sinks.database.postgres import connect
from sinks.errors import SinkError
from tests.conftest import Run, SettingsFile
from tests.sinks.conftest import Sink
from tests.sinks.night import night
from tests.sinks.pooler import Mode, Pooler
from tests.sinks.writing import messages, write


@contextmanager
def pooled(database: PostgresSettings, mode: Mode) -> Iterator[PostgresSettings]:
    pooler = Pooler((database.host, database.port), mode)
    try:
        yield database.model_copy(update={"port": pooler.port})
    finally:
        pooler.close()


def test_a_sink_behind_shared_sessions_says_what_it_needs(
    database: PostgresSettings, sink_file: SettingsFile, sink: Callable[..., Sink]
) -> None:
    with pooled(database, "transaction") as settings:
        ended = sink(sink_file(postgres={"port": settings.port}))
        assert ended.wait() == 1
        said = " ".join(ended.said().split())
        assert f"{HOST}:{settings.port} shares PostgreSQL's sessions" in said
        assert "a pool in session mode" in said
        assert "Traceback" not in said


def test_a_seal_behind_shared_sessions_says_what_it_needs(
    database: PostgresSettings, run: Run, settings_file: SettingsFile
) -> None:
    with pooled(database, "transaction") as settings:
        ran = run("seal", "--once", "--settings", settings_file(postgres={"port": settings.port}))
        assert (ran.exit, "a seal needs one to itself" in " ".join(ran.err.split())) == (1, True), ran.err
    with pooled(database, "session") as settings, connect_to_seal(settings) as connection:
        make_schema(connection)
        Store(connection).lock()


def test_a_pool_of_whole_sessions_does(database: PostgresSettings) -> None:
    with pooled(database, "session") as settings, connect(settings, "ronde a test") as connection:
        refuse_shared_sessions(connection, settings, "sink", SinkError)
        migrate(connection)
        assert write(connection, messages(night())) == []


def test_the_server_itself_is_not_asked_twice(database: PostgresSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(database, "ronde a test") as connection:
        monkeypatch.setattr("service.pooling.connect", None)
        refuse_shared_sessions(connection, database, "sink", SinkError)


def test_commands_work_through_either(
    database: PostgresSettings, run: Run, settings_file: SettingsFile, ledger: psycopg.Connection[tuple[object, ...]]
) -> None:
    with pooled(database, "transaction") as settings, connect(settings, "ronde another client"):
        file = settings_file(postgres={name: getattr(settings, name) for name in ("host", "port", "database")})
        assert run("ledger", "migrate", "--settings", file).exit == 0
        write(ledger, messages(night()))
        assert "S1" in run("incidents", "--settings", file).out
        incident = ledger.execute("SELECT incident_id FROM ledger.incidents").fetchone()
        assert incident is not None
        shown = run("incident", "show", str(incident[0]), "--settings", file)
        assert (shown.exit, "P2 reports the end" in shown.out) == (0, True), shown.err
        assert run("ledger", "retain", "--months", "1", "--settings", file).exit == 0


def test_two_connections_that_meet_in_one_session_are_seen(database: PostgresSettings) -> None:
    with pooled(database, "transaction") as settings, connect(settings, "ronde a test") as connection:
        with pytest.raises(SinkError, match="PgBouncer"):
            refuse_shared_sessions(connection, settings, "sink", SinkError)
        with connect(settings, "ronde another client") as other, other.transaction():
            other.execute("SELECT 1")
            with pytest.raises(SinkError, match="PgBouncer"):
                refuse_shared_sessions(connection, settings, "sink", SinkError)
