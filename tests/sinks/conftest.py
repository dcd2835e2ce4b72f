"""What tests of the ledger share: one real PostgreSQL a run, a fresh database a test, sinks as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from ronde.shared.whole_settings import WholeSettings
from schemas.contract.topics import TOPICS
from service.postgres import PostgresSettings
from sinks.faults import VARIABLE
from sinks.settings import Configuration
from streams.settings import Settings, load
from tests.conftest import SettingsFile
from tests.sinks.bench import Bench
from tests.support.topics import keep_for_good
from tests.support.waiting import PATIENCE

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
    """Put records on this test's topics, which keep them for good: the records' times are of long ago."""
    from tests.sinks.records import produce  # noqa: PLC0415 - the core is heavy

    keep_for_good({"bootstrap.servers": kafka.bootstrap_servers}, map(topics.topic, TOPICS))
    return lambda records: produce(configuration, records, kafka.bootstrap_servers)


class Sink:
    """A `ronde sink` in a process of its own, and its web pages."""

    def __init__(self, settings: Path, log: Path, fault: str | None) -> None:
        self.log = log
        self._pages = f"http://{HOST}:{load(settings, {}, WholeSettings).sink.port}"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*RONDE, "sink", "--settings", str(settings)],
                env=environ | ({VARIABLE: fault} if fault else {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def page(self, name: str) -> tuple[int, str]:
        """A page's status and text; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"{self._pages}/{name}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def reasons(self) -> dict[str, str]:
        """What it waits for, by its page."""
        _, text = self.page("ready")
        reasons: dict[str, str] = json.loads(text)["reasons"] if text else {"process": "starts"}
        return reasons

    def is_ready(self) -> bool:
        return self.page("ready")[0] == 200

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait until it ends; its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the sink did not end within {seconds} s:\n{self.said()}") from None

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


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
