"""A database that an earlier version sealed in: to read, no newer table is needed; the seal makes it."""

from __future__ import annotations

import logging
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from ronde.shared.whole_settings import WholeSettings
from seal.store import Store, connect, make_schema
from service.postgres_settings import PostgresSettings
from tests.conftest import Run
from tests.kafka.published import publish
from tests.seal.test_seal import seal_once
from tests.streams.test_whatif import waiting

pytestmark = pytest.mark.server

WITHOUT_IDS = "DROP TABLE seal.topics"


def test_only_the_first_start_needs_the_right_to_make_a_schema(database: PostgresSettings, stranger: str) -> None:
    named = {"database": Identifier(database.database), "role": Identifier(stranger)}
    with connect(database) as owner, connect(database.model_copy(update={"user": stranger})) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            make_schema(connection)
        owner.execute(SQL("GRANT CREATE ON DATABASE {database} TO {role}").format(**named))
        make_schema(connection)
        owner.execute(SQL("REVOKE CREATE ON DATABASE {database} FROM {role}").format(**named))
        connection.execute(WITHOUT_IDS)
        make_schema(connection)
        assert Store(connection).topics() == {}


def test_what_an_earlier_version_sealed_is_read_without_the_ids_of_topics_and_sealed_on_with_them(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, run: Run, tmp_path: Path
) -> None:
    settings, file = house
    book = waiting()
    publish(book, settings, client_log)
    seal_once(settings)
    with connect(settings.postgres) as connection:
        ids = Store(connection).topics()
        connection.execute(WITHOUT_IDS)
        incident = book.decisions()[0].incident_id
        for command in (("seal", "check"), ("incident", "export", incident, "--sealed", "--to", tmp_path)):
            ran = run(*command, "--settings", file)
            assert (ran.exit, ran.err) == (0, "")
        assert connection.execute("SELECT to_regclass('seal.topics')").fetchone() == (None,)
        seal_once(settings)
        assert Store(connection).topics() == ids
        assert set(ids) == {topic for topic, _ in Store(connection).trees()}
