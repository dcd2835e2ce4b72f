"""What tests of the ledger share: one real PostgreSQL a run, a fresh database a test, sinks as processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ronde.local.kafka import Kafka
from ronde.local.ports import free_port
from ronde.shared.whole_settings import WholeSettings
from service.postgres_settings import PostgresSettings
from sinks.faults import POINTS
from sinks.settings import Configuration
from streams.settings import Settings, load
from tests.conftest import SettingsFile
from tests.sinks.bench import Bench
from tests.support.ronde_process import RondeProcess

if TYPE_CHECKING:
    from tests.sinks.records import Record

RONDE: Final = (sys.executable, "-c", "from ronde.cli import main; main()")


@pytest.fixture
def ledger(database: PostgresSettings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to that database, which need not have a ledger yet."""
    with connected(database) as connection:
        yield connection


@contextmanager
def connected(database: PostgresSettings) -> Iterator[psycopg.Connection[Any]]:
    conninfo = make_conninfo(
        host=database.host, port=database.port, dbname=database.database, user=database.user, options="-c timezone=UTC"
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture
def sink_file(settings_file: SettingsFile, database: PostgresSettings, prefix: str) -> SettingsFile:
    """Write a settings file for sinks of this test; sections by keyword, as for ``settings_file``."""

    def write(**sections: Mapping[str, Any] | str) -> Path:
        given: dict[str, Any] = {
            "sink": {"group": f"{prefix}sinks", "port": free_port(), "longest_pause_seconds": 1},
            "postgres": {name: getattr(database, name) for name in ("host", "port", "database", "user")},
        }
        for name, section in sections.items():
            given[name] = {**given.get(name, {}), **section} if isinstance(section, Mapping) else section
        return settings_file(**given)

    return write


@pytest.fixture
def configuration(sink_file: SettingsFile) -> Configuration:
    """The settings of a sink of this test, for tests that need no process."""
    return load(sink_file(), {}, WholeSettings).for_sink()


@pytest.fixture
def publish(configuration: Configuration, topics: Settings, kafka: Kafka) -> Callable[[list[Record]], None]:
    """Put records on this test's topics."""
    from tests.sinks.records import produce  # noqa: PLC0415 - the core is heavy

    return lambda records: produce(configuration, records, kafka.bootstrap_servers)


class Sink(RondeProcess):
    """A `ronde sink`, started."""

    def __init__(self, settings: Path, log: Path, fault: str | None) -> None:
        super().__init__("the sink", ["sink", "--settings", settings], log)
        self.start({POINTS.variable: fault} if fault else {})


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Callable[..., Sink]]:
    """Start a sink: ``sink(settings_file, fault="after_poll:1")``. All are killed at the end."""
    started: list[Sink] = []

    def start(settings: Path, fault: str | None = None) -> Sink:
        started.append(Sink(settings, tmp_path / f"sink-{len(started)}.log", fault))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def bench(
    configuration: Configuration,
    kafka: Kafka,
    ledger: psycopg.Connection[Any],
    publish: Callable[[list[Record]], None],
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
) -> Bench:
    """This test's topics, its ledger, and sinks between them."""
    return Bench(ledger, configuration, kafka.bootstrap_servers, publish, sink_file, sink)
