"""A second worker: how much faster the same backlog goes, and who uses the processors meanwhile.

The workers are there first, each with its partitions; then the backlog is written, at once.
"""

from __future__ import annotations

import time
from typing import Any, Final

from benchmarks.broker import Broker
from benchmarks.contenders import Ronde, worker_command
from benchmarks.drain import Load, finish
from benchmarks.logs import PARTITIONS, Logs
from benchmarks.run import run
from benchmarks.tree import Tree

JOIN_SECONDS: Final = 60.0


def scale(
    logs: Logs, node: Broker, shipped: Ronde, workers: int, load: Load, patience: float, seconds: float
) -> dict[str, Any]:
    """One run with so many workers; its figures."""
    with run(logs, shipped, load.site_ids()) as made:
        made.start()
        _wait_for(made.tree, PARTITIONS)
        others = [
            Tree(
                worker_command(logs, made.id, made.folder, number),
                made.folder,
                made.topics.environment,
                f"log-{number}",
            )
            for number in range(2, workers + 1)
        ]
        try:
            for other in others:
                _wait_for(other, PARTITIONS // workers)
            records = list(load.records(made.contender.wire))
            cpu = [tree.cpu_seconds() for tree in (made.tree, *others)]
            broker_cpu = node.cpu_seconds()
            logs.write(made.topics.alerts, records)
            found = finish(made, load, patience, seconds)
            broker_cpu = node.cpu_seconds() - broker_cpu
            cpu = [tree.cpu_seconds() - before for tree, before in zip((made.tree, *others), cpu, strict=True)]
        finally:
            for other in others:
                other.stop()
        verdict = found.verdict
        told: dict[str, Any] = {
            "workers": workers,
            "verdict": verdict._asdict(),
            "counts": verdict.is_exact,
            "cpu_seconds": cpu,
            "broker_cpu_seconds": broker_cpu,
        }
        if found.last is not None:
            told |= {"rate": load.alerts / (found.last.at - found.first_at), "seconds": found.last.at - found.first_at}
        return told


def _wait_for(tree: Tree, partitions: int) -> None:
    """Return when a worker has its partitions."""
    give_up = time.monotonic() + JOIN_SECONDS
    while tree.log.read_text(encoding="utf-8").count('"partition restored"') < partitions:
        if time.monotonic() > give_up or not tree.is_alive:
            raise TimeoutError(f"a worker did not get {partitions} partitions; its log is {tree.log}")
        time.sleep(0.1)
