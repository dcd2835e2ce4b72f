"""The contenders: the command of each, its topics, and how to read them.

A contender runs until SIGTERM, reads its alerts from the earliest offset, and writes the wall clock of its decisions
into them (``Decision.at``).
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from benchmarks import sites
from benchmarks.environments import compile_hot, python_of, streams_class_path
from benchmarks.folders import REPOSITORY
from benchmarks.logs import PARTITIONS, Logs
from benchmarks.wires import KERNEL, RONDE, Wire
from schemas.contract.topics import TOPICS
from streams.runtime import native_form

SHIPPED: Final = "ronde"  # its compiled form
PYTHON: Final = "ronde-python"
BASE: Final = "plain-loop"  # what the committed reference is a ratio to


class Prepared(NamedTuple):
    """A run before its start: what to start, and the names of its topics on the broker."""

    command: list[str]
    environment: dict[str, str]
    alerts: str
    calls: str
    decisions: str


@dataclass(frozen=True)
class Contender(ABC):
    """A contender. ``is_exact``: it promises every output once. ``share``: of the usual input, for a slow one."""

    name: str
    title: str
    is_exact: bool = True
    share: float = 1.0

    @property
    @abstractmethod
    def wire(self) -> Wire:
        """How its topics are read and written."""

    @abstractmethod
    def is_itself(self, log: str) -> bool:
        """Whether it ran in the measured form, by its log."""

    @abstractmethod
    def prepare(self, logs: Logs, run: str, folder: Path, site_ids: Iterable[str]) -> Prepared:
        """Make its topics, whose names begin with ``run``; it will see alerts of these sites."""

    @abstractmethod
    def install(self) -> None:
        """Prepare its environment. Raises `NotMeasured`."""


@dataclass(frozen=True)
class Peer(Contender):
    """The small kernel in another framework (or none); ``command`` gives the program, before its arguments."""

    command: Callable[[], list[str]] = field(default=list)

    @property
    def wire(self) -> Wire:  # noqa: D102 - as above
        return KERNEL

    def install(self) -> None:
        """Its environment, or its jars."""
        self.command()

    def is_itself(self, log: str) -> bool:  # noqa: ARG002, D102
        return True

    def prepare(self, logs: Logs, run: str, folder: Path, site_ids: Iterable[str]) -> Prepared:  # noqa: ARG002
        """Create the topics, without sites; Kafka Streams and Faust create their own changelogs."""
        topics = {name: f"{run}-{name}" for name in ("alerts", "calls", "decisions", "state")}
        cleanup = {topics["state"]: "compact"}
        logs.create({name: {"cleanup.policy": cleanup.get(name, "delete")} for name in topics.values()})
        given = {"bootstrap": logs.address, "group": run, "dir": str(folder / "state"), **topics}
        arguments = [part for name, value in given.items() for part in (f"--{name}", value)]
        return Prepared(
            [*self.command(), *arguments],
            {"PYTHONPATH": str(REPOSITORY)},
            topics["alerts"], topics["calls"], topics["decisions"],
        )  # fmt: skip


@dataclass(frozen=True)
class Ronde(Contender):
    """`ronde worker` with its whole job, on topics as `ronde topics create` makes them.

    The sites were configured long before: their records and their readiness are in the topics.
    """

    is_compiled: bool = True
    settings: str = ""  # more lines of TOML

    def install(self) -> None:
        """Compile the hot modules of this checkout, if needed."""
        if self.is_compiled:
            compile_hot()

    @property
    def wire(self) -> Wire:  # noqa: D102
        return RONDE

    def is_itself(self, log: str) -> bool:
        """A worker says which form of it runs, when it starts (docs/compiled.md)."""
        return f'"form": "{"compiled" if self.is_compiled else "pure Python"}' in log

    def prepare(self, logs: Logs, run: str, folder: Path, site_ids: Iterable[str]) -> Prepared:  # noqa: D102
        make_topics(logs, run)
        fill_sites(logs, run, site_ids)
        return Prepared(
            worker_command(logs, run, folder, settings=self.settings),
            {} if self.is_compiled else {native_form.PURE: "1"},
            f"{run}.alerts", f"{run}.calls", f"{run}.decisions",
        )  # fmt: skip


def make_topics(logs: Logs, run: str) -> None:
    """The topics of the contract."""
    logs.create({f"{run}.{name}": topic.configuration() for name, topic in TOPICS.items()})


def fill_sites(logs: Logs, run: str, site_ids: Iterable[str]) -> None:
    """Write sites that the worker's group has already handled."""
    logs.write(f"{run}.sites", sites.records(site_ids))
    logs.commit_ends(run, f"{run}.sites")


def worker_command(logs: Logs, run: str, folder: Path, number: int = 1, settings: str = "") -> list[str]:
    """The command of the run's worker of this number; ``settings`` are more lines of TOML."""
    path = folder / f"settings-{number}.toml"
    path.write_text(
        f'prefix = "{run}."\n[kafka]\n"bootstrap.servers" = "{logs.address}"\n[topics]\npartitions = {PARTITIONS}\n'
        f'[worker]\ngroup = "{run}"\nid = "{run}-{number}"\nport = 0\ndata_dir = "{folder}/worker-{number}"\n'
        f"{settings}",
        encoding="utf-8",
    )
    return [sys.executable, "-c", "from ronde.cli import main; main()", "worker", "--settings", str(path)]


def _python(environment: str, module: str, *arguments: str) -> Callable[[], list[str]]:
    return lambda: [python_of(environment), "-m", f"benchmarks.peers.{module}", *arguments]


def _streams(store: str, *more: str) -> Callable[[], list[str]]:
    java = ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    return lambda: [*java, "-cp", streams_class_path(), "peers.Peer", "--store", store, *more]


_ALL: Final[tuple[Contender, ...]] = (
    Ronde(SHIPPED, "ronde, the whole worker, compiled"),
    Ronde(PYTHON, "ronde, the whole worker, in Python", is_compiled=False),
    Peer(BASE, "a plain confluent-kafka loop", command=lambda: [sys.executable, "-m", "benchmarks.peers.bare"]),
    Peer("streams-rocksdb", "Kafka Streams, RocksDB", command=_streams("rocksdb")),
    Peer("streams-memory", "Kafka Streams, in memory", command=_streams("memory")),
    Peer("streams-memory-10ms", "Kafka Streams, in memory, commits every 10 ms",
         command=_streams("memory", "--set", "commit.interval.ms=10")),
    Peer("quix", "Quix Streams", command=_python("quix", "quix_app")),
    Peer("quix-100ms", "Quix Streams, commits every 100 ms",
         command=_python("quix", "quix_app", "--commit-interval", "0.1")),
    Peer("bytewax", "Bytewax, at least once", is_exact=False, command=_python("bytewax", "bytewax_app")),
    Peer("faust", "plain Faust, in memory, at least once", is_exact=False, share=0.1,
         command=_python("faust", "faust_app")),
)  # fmt: skip
CONTENDERS: Final[Mapping[str, Contender]] = MappingProxyType({each.name: each for each in _ALL})
