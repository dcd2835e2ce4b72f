"""What the tests of the portal share: a fresh schema in a real PostgreSQL, fresh topics on a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from edges.database.postgres import opened, pool
from edges.portal.sql import migrate
from edges.portal.store import Store
from edges.settings import Connection
from edges.web import accounts
from ronde.shared.whole_settings import WholeSettings
from service import words
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile
from tests.edges.portal.serving import Api, Served, configuration_of, serving


@pytest.fixture
def schema(database: PostgresSettings) -> PostgresSettings:
    """An empty schema of this test's own."""
    with connect(database, "test") as connection:
        migrate(connection)
    return database


@pytest_asyncio.fixture
async def store(schema: PostgresSettings) -> AsyncIterator[Store]:
    """The store over it."""
    async with opened(pool(schema, "test")) as connections:
        yield Store(connections)


@pytest.fixture
def portal_file(settings_file: SettingsFile, database: PostgresSettings, tmp_path: Path) -> SettingsFile:
    """Write the settings file of a portal; sections by keyword, as for ``settings_file``."""

    def write(**sections: Mapping[str, Any]) -> Path:
        own: dict[str, Any] = {
            "postgres": {name: getattr(database, name) for name in ("host", "port", "database", "user")},
            "web": {"tokens_file": str(tmp_path / "tokens.json")},
        }
        for name, section in sections.items():
            own[name] = {**own.get(name, {}), **section}
        return settings_file(**own)

    return write


@pytest.fixture
def connection(portal_file: SettingsFile, tmp_path: Path) -> Connection:
    """A fresh set of topics, and how a portal reaches them."""
    made = load(portal_file(), {}, WholeSettings)
    create(made)
    return made.for_edge("portal", "test", tmp_path / "edge")


@pytest.fixture
def rows(schema: PostgresSettings) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A look into the database."""
    with connect(schema, "test, a look") as connection:
        yield connection


@pytest_asyncio.fixture
async def api(store: Store, schema: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The app over this test's schema."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "hashed", cheap.hash)
    monkeypatch.setattr(words, "_HASHER", cheap)
    return Api(store, configuration_of(schema, tmp_path))


@pytest.fixture
def portal(schema: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The app over this test's schema, for browsers and for programs that know no asyncio."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "hashed", cheap.hash)
    monkeypatch.setattr(words, "_HASHER", cheap)
    with serving(schema, tmp_path) as served:
        yield served
