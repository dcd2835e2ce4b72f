"""A second worker: how much faster the same backlog goes, what an alert costs then, and whether cores were free for it.

The workers are there first, each with its partitions. They are halted while the backlog is written, so that writing it
takes no core away from them, and go on together.
"""

from __future__ import annotations

from typing import Any

from benchmarks.broker import Broker
from benchmarks.contenders import Ronde, worker_command
from benchmarks.drain import SETTLED_SECONDS, Load, finish
from benchmarks.logs import PARTITIONS, Logs
from benchmarks.run import run, wait_restored
from benchmarks.tree import Tree


def scale(
    logs: Logs, node: Broker, contender: Ronde, workers: int, load: Load, patience: float, seconds: float
) -> dict[str, Any]:
    """One run with so many workers; its figures."""
    with run(logs, contender, load.site_ids()) as made:
        made.start()
        wait_restored(made.tree, PARTITIONS)
        trees = [made.tree]
        try:
            for number in range(2, workers + 1):
                command = worker_command(logs, made.id, made.folder, number)
                trees.append(Tree(command, made.folder, made.topics.environment, f"log-{number}"))
            for other in trees[1:]:
                wait_restored(other, PARTITIONS // workers)
            for tree in trees:
                tree.halt()
            logs.write(made.topics.alerts, load.records(made.contender.wire))
            before = _used(node, trees)
            for tree in trees:
                tree.go_on()
            made.follow(lambda count, still: count >= load.alerts and still > SETTLED_SECONDS, patience, seconds)
            after = _used(node, trees)
            found = finish(made, load, patience, seconds)
        finally:
            for other in trees[1:]:
                other.stop()
        row: dict[str, Any] = {
            "workers": workers,
            "verdict": found.verdict._asdict(),
            "counts": found.verdict.is_exact and found.last is not None,
            **{name: after[name] - before[name] for name in before},
        }
        if found.last is not None:
            took = found.last.at - found.first_at
            row |= {"rate": load.alerts / took, "seconds": took, "per_cpu_second": load.alerts / row["cpu_seconds"]}
        return row


def _used(node: Broker, trees: list[Tree]) -> dict[str, float]:
    """So far, in seconds: the CPU of workers and broker, and how long threads of the workers waited for a core."""
    return {
        "cpu_seconds": sum(tree.cpu_seconds() for tree in trees),
        "waited_seconds": sum(tree.waited_seconds() for tree in trees),
        "broker_cpu_seconds": node.cpu_seconds(),
    }
