"""One start of one contender: its topics, its processes, and what becomes visible of its work."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from benchmarks.contenders import Contender, Prepared
from benchmarks.folders import RUNS
from benchmarks.logs import Logs
from benchmarks.tree import Tree

LOOK_SECONDS: Final = 0.02
RESTORE_SECONDS: Final = 120.0


class Look(NamedTuple):
    """At one moment: how far readers of committed decisions could read (by partition), and the CPU used (s)."""

    at: float
    ends: list[int]
    cpu: float


class Run:
    """A contender on topics of its own. Its figures are taken from outside: its topics, its processes."""

    def __init__(self, logs: Logs, contender: Contender, prepared: Prepared, run_id: str) -> None:
        self.logs = logs
        self.contender = contender
        self.topics = prepared
        self.id = run_id
        self.folder = RUNS / run_id
        self.looks: list[Look] = []
        self._prepared = prepared
        self._tree: Tree | None = None
        self._spent = 0.0  # CPU of lives before this one
        self._peak_mib = 0.0

    @property
    def tree(self) -> Tree:
        """Its processes; it must have been started."""
        assert self._tree is not None
        return self._tree

    @property
    def peak_mib(self) -> float:
        """The most memory that it held."""
        return max(self._peak_mib, self.tree.peak_mib)

    def start(self) -> float:
        """Start it, also again; when (s)."""
        at = time.time()
        self._tree = Tree(self._prepared.command, self.folder, self._prepared.environment)
        return at

    def cpu_seconds(self) -> float:
        """Of all its lives."""
        return self._spent + self.tree.cpu_seconds()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._spent += self.tree.cpu_seconds()
        self._peak_mib = self.peak_mib
        self.tree.kill()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._tree is not None:
            self._tree.stop()

    def follow(self, until: Callable[[int, float], bool], patience: float, seconds: float) -> bool:
        """Look until ``until`` (decisions visible, and since when that has not moved) is true.

        False when it ends before, nothing moves for ``patience`` seconds, or ``seconds`` have passed.
        """
        give_up = time.time() + seconds
        moved, last = time.time(), list[int]()
        while self.tree.is_alive and time.time() < give_up:
            ends, now = self.logs.ends(self.topics.decisions), time.time()
            if ends != last:
                last, moved = ends, now
                self.looks.append(Look(now, ends, self.cpu_seconds()))
            if until(sum(ends), now - moved):
                return True
            if now - moved > patience:
                return False
            time.sleep(LOOK_SECONDS)
        return False


def wait_restored(tree: Tree, partitions: int) -> float:
    """Return when a worker has restored so many partitions, by its own log; the longest of them (s)."""
    give_up = time.monotonic() + RESTORE_SECONDS
    while len(found := _restores(tree)) < partitions:
        if time.monotonic() > give_up or not tree.is_alive:
            raise TimeoutError(f"a worker did not get {partitions} partitions; its log is {tree.log}")
        time.sleep(LOOK_SECONDS)
    return max(found)


def _restores(tree: Tree) -> list[float]:
    lines = tree.log.read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [line["seconds"] for line in events if line["event"] == "partition restored"]


@contextmanager
def run(logs: Logs, contender: Contender, site_ids: Iterable[str]) -> Iterator[Run]:
    """Prepare a run; in the end its processes, topics and state are gone, its log and settings stay."""
    run_id = f"{contender.name}-{time.time_ns() // 1_000_000}"
    folder = RUNS / run_id
    folder.mkdir(parents=True)
    made = Run(logs, contender, contender.prepare(logs, run_id, folder, site_ids), run_id)
    try:
        yield made
        if not contender.is_itself(made.tree.log.read_text(encoding="utf-8", errors="replace")):
            raise ValueError(f"{contender.name} ran in another form than it should: see {made.tree.log}")
    finally:
        made.stop()
        logs.delete(run_id)
        shutil.rmtree(folder / "state", ignore_errors=True)
