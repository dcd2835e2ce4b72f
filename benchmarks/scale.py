"""A second worker: how much faster the same backlog goes, and who uses the processors meanwhile.

The workers are there first, each with its partitions; then the backlog is written, at once.
"""

from __future__ import annotations

from typing import Any

from benchmarks.broker import Broker
from benchmarks.contenders import Ronde, worker_command
from benchmarks.drain import Load, finish
from benchmarks.logs import PARTITIONS, Logs
from benchmarks.run import run, wait_restored
from benchmarks.tree import Tree


def scale(
    logs: Logs, node: Broker, shipped: Ronde, workers: int, load: Load, patience: float, seconds: float
) -> dict[str, Any]:
    """One run with so many workers; its figures."""
    with run(logs, shipped, load.site_ids()) as made:
        made.start()
        wait_restored(made.tree, PARTITIONS)
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
                wait_restored(other, PARTITIONS // workers)
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
