"""A session with PostgreSQL: all that we depend on is set at the connect, over any default of the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from service.postgres_settings import PostgresSettings
from sinks.ask.incidents import IncidentFilter, find
from sinks.ask.timeline import timeline
from sinks.database.migrate import migrate
from sinks.database.postgres import connect
from sinks.errors import SinkError
from sinks.forget.erasures import Erasure, carry_out
from sinks.forget.retention import retain
from tests.conftest import Run, SettingsFile
from tests.sinks.compare import assert_same
from tests.sinks.conftest import connected
from tests.sinks.night import night
from tests.sinks.records import Record
from tests.sinks.test_erasures import LATER, bare, everything
from tests.sinks.writing import messages, write

# What people set for a database or a role, for good reasons of their own.
ODD = {
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "synchronous_commit": "off",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "bytea_output": "escape",
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "timezone": "America/Caracas",
    "search_path": "odd, public",
    "statement_timeout": "1s",
    "lock_timeout": "1s",
    "idle_session_timeout": "1s",
}


@pytest.fixture
def odd(database: PostgresSettings) -> PostgresSettings:
    """A database whose sessions have odd defaults, and tables of the ledger's names where `search_path` looks first."""
    with connected(database) as connection:
        connection.execute("CREATE SCHEMA odd")
        connection.execute("CREATE FUNCTION odd.hashtext(text) RETURNS integer LANGUAGE sql AS 'SELECT 1 / 0'")
        connection.execute("CREATE TABLE odd.staging_alerts (nothing integer)")
        for name, value in ODD.items():
            # A list is set as a list.
            values = SQL(", ").join(map(Literal, value.split(", "))) if name == "search_path" else Literal(value)
            connection.execute(
                SQL("ALTER DATABASE {} SET {} TO {}").format(Identifier(database.database), SQL(name), values)
            )
    return database


@pytest.fixture
def session(odd: PostgresSettings) -> Iterator[psycopg.Connection[Any]]:
    with connect(odd, "ronde a test") as connection:
        yield connection


def test_no_default_of_the_database_is_in_force(session: psycopg.Connection[Any]) -> None:
    for name, value in ODD.items():
        row = session.execute("SELECT current_setting(%s)", (name,)).fetchone()
        assert row is not None
        assert row[0] != value, name


def test_the_ledger_is_the_same_whatever_the_defaults_are(session: psycopg.Connection[Any]) -> None:
    migrate(session)
    assert write(session, messages(night())) == []
    assert_same(session, night())
    assert len(bare(session)) == 1
    assert timeline(session, "nothing", personal=True) is None
    retained = retain(session, 1, LATER.date())
    assert retained.partitions == []


def test_a_name_beyond_ascii_is_found_and_forgotten(session: psycopg.Connection[Any]) -> None:
    migrate(session)
    write(session, messages(night_at("Éole-7")))
    assert [incident.site_id for incident in find(session, IncidentFilter(site="Éole-7"))] == ["Éole-7"]
    assert "Ann Martin" in everything(session)
    assert carry_out(session, Erasure("Éole-7", "", LATER)), "its records"
    assert "Ann Martin" not in everything(session)


def night_at(site_id: str) -> list[Record]:
    return [record._replace(key=site_id, value=record.value._replace(site_id=site_id)) for record in night()]


def test_the_commands_find_it_too(run: Run, settings_file: SettingsFile, odd: PostgresSettings) -> None:
    with connect(odd, "ronde a test") as session:
        migrate(session)
        write(session, messages(night_at("Éole-7")))
    file = settings_file(postgres={name: getattr(odd, name) for name in ("host", "port", "database")})
    assert "Éole-7" in run("incidents", "--site", "Éole-7", "--settings", file).out
    assert run("report", "--since", "2026-01-01T00:00:00Z", "--settings", file).exit == 0
    assert run("ledger", "retain", "--months", "1200", "--settings", file).exit == 0


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_refused_by_all(
    encoding: str, run: Run, settings_file: SettingsFile, database: PostgresSettings, ledger: psycopg.Connection[Any]
) -> None:
    name = f"{database.database}-other"
    ledger.execute(
        SQL("CREATE DATABASE {} ENCODING {} LOCALE 'C' TEMPLATE template0").format(Identifier(name), Literal(encoding))
    )
    try:
        other = database.model_copy(update={"database": name})
        with pytest.raises(SinkError, match=rf"{encoding}.*UTF8"):
            connect(other, "ronde a test")
        file = settings_file(postgres={field: getattr(other, field) for field in ("host", "port", "database")})
        ran = run("incidents", "--settings", file)
        assert (ran.exit, f"is in {encoding}" in ran.err, "Traceback" in ran.err) == (1, True, False)
    finally:
        ledger.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
