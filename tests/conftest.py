"""What the tests share: one real broker a run, fresh topics a test, settings that lead to them.

Nothing heavy is imported before a test asks for it, so that the tests of the pure core stay quick.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import hypothesis
import pytest

from tests import distribution
from tests.support.brokers import CALM, broker, node, patient_broker
from tests.support.examples import examples

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka
    from ronde.local.postgres import Postgres
    from service.postgres_settings import PostgresSettings
    from streams.settings import Settings

__all__ = ["broker", "patient_broker"]


class Ran(NamedTuple):
    """What a command did: its exit status, what it wrote to standard output and to standard error."""

    exit: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Ran]
SettingsFile: TypeAlias = Callable[..., Path]
MakeSettings: TypeAlias = Callable[..., "Settings"]


_CACHE: Final = "cache_logger_on_first_use"
_MOST_DESCRIPTORS: Final = 200  # of a process, of which a client of Kafka has about ten

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "any-machine",
    examples(100),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any-machine")

# Nothing of what is imported and collected becomes garbage; see `pytest_collection_finish`.
gc.disable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Flags of a whole run; they stand here so that pytest knows them wherever it is started."""
    parser.addoption("--rewrite", action="store_true", help="write the golden timelines from the current output")
    parser.addoption("--times", type=int, default=1, help="with -m soak: each test so many times, by another seed")
    parser.addoption("--first-seed", type=int, default=1, help="where the seeds begin (1)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a ``seed`` runs once in `make test`, and ``--times`` times, longer, in `make soak`."""
    if "seed" not in metafunc.fixturenames:
        return
    first, times = metafunc.config.getoption("first_seed"), metafunc.config.getoption("times")
    seeds = [pytest.param(first, id=f"seed{first}")]
    if metafunc.definition.get_closest_marker("soak"):
        seeds = []  # too long for anything else
    soaked = [pytest.param(seed, id=f"soak{seed}", marks=pytest.mark.soak) for seed in range(first, first + times)]
    metafunc.parametrize("seed", [*seeds, *soaked], scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests need a server, and what takes longest."""
    distribution.arrange(items)


def pytest_collection_finish() -> None:
    """Collect garbage from now on, of what comes from now on: half a million objects are no longer looked through."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # tests leave little, and seldom in circles
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the clients of Kafka that tests left in circles, before a process has too many open files."""
    done = yield
    if item.get_closest_marker("server"):
        import psutil  # noqa: PLC0415 - as the head says

        if psutil.Process().num_fds() > _MOST_DESCRIPTORS:
            gc.collect()
    return done


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Which process runs what, with ``-n``."""
    return distribution.scheduler(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in capitals what did not run, or not as it should, for want of a program.

    With ``-n`` the process that writes the summary reads no conftest but this.
    """
    from tests.deploy.tools import report_absent  # noqa: PLC0415 - as the head says

    report_absent(terminalreporter)
    if any(
        ("clock", "Clock") in map(tuple, report.user_properties) for report in terminalreporter.stats.get("passed", [])
    ):
        from tests.faults.faketime import NEEDS  # noqa: PLC0415 - as the head says

        terminalreporter.section("NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"librdkafka had the right clock: libfaketime takes {NEEDS}.")


@pytest.fixture(autouse=True)
def root_logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the loggers as they were: a test that starts a process in its own sets them up for its own streams."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    structlog = sys.modules.get("structlog")
    if structlog:
        before = structlog.get_config() if structlog.is_configured() else None
        configure = structlog.configure
        # A logger that has kept its configuration would never have another one.
        monkeypatch.setattr(structlog, "configure", lambda **made: configure(**made | {_CACHE: False}))
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    if structlog and structlog.is_configured():
        structlog.reset_defaults() if before is None else configure(**before)


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have words and passwords hashed at once, but in a test of what a hash costs: `pytest.mark.real_hashes`."""
    words, accounts = (sys.modules.get(name) for name in ("service.words", "edges.web.accounts"))
    if (words or accounts) and not request.node.get_closest_marker("real_hashes"):
        from argon2 import PasswordHasher  # noqa: PLC0415 - as the head says

        cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
        if words:
            monkeypatch.setattr(words, "_HASHER", cheap())
        if accounts:
            monkeypatch.setattr(accounts, "PasswordHasher", cheap)


@pytest.fixture(autouse=True)
def _quick_java(request: pytest.FixtureRequest) -> None:
    """Have brokers start quickly (`tests/support/java_archive.py`), also those that a test starts by a command."""
    if request.node.get_closest_marker("server"):
        from tests.support import java_archive  # noqa: PLC0415 - as the head says

        java_archive.use()


@pytest.fixture
def is_soak(request: pytest.FixtureRequest) -> bool:
    """Whether this is the long form of a test that takes a ``seed``."""
    return request.node.get_closest_marker("soak") is not None


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The broker of this run: real, in a temporary folder, on a port of its own, stopped at the end.

    A test that pauses it must leave it running; one that stops or kills it starts one of its own.
    """
    yield from node(tmp_path_factory.mktemp("kafka"), CALM)


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test has, so that tests never meet each other's records."""
    return f"test-{uuid.uuid4().hex[:8]}."


@pytest.fixture
def settings_file(tmp_path: Path, prefix: str, request: pytest.FixtureRequest) -> SettingsFile:
    """Write a settings file for this test's broker and prefix, and say where it is.

    Sections are given by keyword, over the test's own: ``settings_file(worker={"id": "a"}, topics={"partitions": 2})``.
    Each call writes a file of its own.
    """
    written = iter(range(1000))

    def write(**sections: Mapping[str, Any] | str) -> Path:
        broker: Kafka = request.getfixturevalue("kafka")
        tree: dict[str, Any] = {
            "prefix": prefix,
            "kafka": {"bootstrap.servers": broker.bootstrap_servers},
            "topics": {"partitions": 3},
            "worker": {"group": f"{prefix}workers", "port": 0, "data_dir": str(tmp_path / "worker")},
        }
        for name, section in sections.items():
            tree[name] = section if isinstance(section, str) else {**tree.get(name, {}), **section}
        path = tmp_path / f"settings-{next(written)}.toml"
        path.write_text("\n".join(_toml(tree)) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def settings(settings_file: SettingsFile) -> MakeSettings:
    """Settings for this test's broker and prefix, in force; sections by keyword, as for ``settings_file``."""

    def make(**sections: Mapping[str, Any] | str) -> Settings:
        from streams.settings import load  # noqa: PLC0415 - as the head says

        return load(settings_file(**sections), {})

    return make


@pytest.fixture
def topics(settings: MakeSettings) -> Settings:
    """A fresh set of all topics (3 partitions each) on the broker; the settings that lead to them."""
    from tests.support.topics import create_kept  # noqa: PLC0415 - as the head says

    made = settings()
    create_kept(made)
    return made


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The server of this run: real, in a temporary folder, on a port of its own, stopped at the end.

    A test that stops or kills it starts one of its own. It does not survive a power cut, so as to be quick.
    """
    from ronde.local.ports import free_port  # noqa: PLC0415 - as the head says
    from ronde.local.postgres import Postgres  # noqa: PLC0415 - as the head says

    quick = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
    server = Postgres(tmp_path_factory.mktemp("postgres"), port=free_port(), extra_properties=quick)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.data, ignore_errors=True)  # the log stays for an inquiry


@pytest.fixture
def database(postgres: Postgres, prefix: str) -> Iterator[PostgresSettings]:
    """An empty database of this test's own."""
    import psycopg  # noqa: PLC0415 - as the head says
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415 - as the head says

    from ronde.local.ports import HOST  # noqa: PLC0415 - as the head says
    from service.postgres_settings import PostgresSettings  # noqa: PLC0415 - as the head says

    name = prefix.rstrip(".")
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield PostgresSettings(host=HOST, port=postgres.port or 0, database=name)
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def stranger(postgres: Postgres, database: PostgresSettings, prefix: str) -> Iterator[str]:
    """A role that may connect to this test's database, and nothing else."""
    import psycopg  # noqa: PLC0415 - as the head says
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415 - as the head says

    name = f"{prefix}stranger"
    with psycopg.connect(postgres.conninfo(database.database), autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
        yield name
        connection.execute(SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(Identifier(name)))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command of the command line here, as a shell would: ``run("topics", "check", "--json")``.

    Its environment has no ``RONDE_…`` and no ``COLUMNS`` (pytest-xdist sets it) but what the test sets by
    ``monkeypatch``.
    """
    for name in [name for name in os.environ if name.startswith("RONDE_") or name == "COLUMNS"]:
        monkeypatch.delenv(name)

    def command(*arguments: str | Path) -> Ran:
        from ronde.cli import main  # noqa: PLC0415 - as the head says

        monkeypatch.setattr(sys, "argv", ["ronde", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
        except SystemExit as ended:
            return ran(int(ended.code or 0))
        return ran(0)

    def ran(status: int) -> Ran:
        out, err = capfd.readouterr()
        return Ran(status, out, _OF_OTHERS.sub("", err))

    return command


# A client that an earlier test made, and whose broker is gone, may log at any time. Ronde's own clients never do so:
# their lines come by `logging`.
_OF_OTHERS: Final = re.compile(r"^%\d\|[\d.]+\|\w+\|rdkafka#.*\n", re.MULTILINE)


@pytest.fixture(scope="session")
def client_log() -> logging.Logger:
    """A logger for librdkafka clients (``logger=client_log``): at most five lines a second, the rest dropped.

    A client of a stopped broker would otherwise fill the report with its attempts to connect.
    """
    logger = logging.getLogger("tests.librdkafka")
    logger.addFilter(_AtMost(lines=5, seconds=1.0))
    return logger


class _AtMost(logging.Filter):
    """Let so many lines through in so many seconds."""

    def __init__(self, lines: int, seconds: float) -> None:
        super().__init__()
        self.lines, self.seconds = lines, seconds
        self._since, self._passed = 0.0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._since > self.seconds:
            self._since, self._passed = now, 0
        self._passed += 1
        return self._passed <= self.lines


def _toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """A tree of tables as TOML lines; JSON's strings, numbers and booleans are TOML's."""
    plain = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    if path and (plain or not table):
        yield f"[{'.'.join(map(json.dumps, path))}]"
    for name, value in plain.items():
        yield f"{json.dumps(name)} = {json.dumps(value)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _toml(value, (*path, name))
