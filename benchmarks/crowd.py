"""A backlog among many open incidents: its rate, their memory, the time of a restore.

The incidents are others than those that the backlog opens; it is written, at once, when the restore is done. The time
of that is the worker's own account, all partitions together; beside it stands the time in which a consumer takes the
same bytes and throws them away.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from benchmarks import incidents
from benchmarks.contenders import Ronde
from benchmarks.drain import Load, figures, finish
from benchmarks.logs import PARTITIONS, QUIET, Logs
from benchmarks.run import Run, run, wait_restored

FAR_MS: Final = 12 * 3600 * 1000  # nothing of them becomes due


def crowd(
    logs: Logs, shipped: Ronde, open_incidents: int, load: Load, patience: float, seconds: float
) -> dict[str, Any]:
    """One run; its figures."""
    site_ids = [f"open-{number:07d}" for number in range(open_incidents)]
    with run(logs, shipped, chain(load.site_ids(), site_ids)) as made:
        fill_states(made, site_ids)
        records = list(load.records(made.contender.wire))
        size = consume(logs, made.id)
        started = made.start()
        restore_seconds = wait_restored(made.tree, PARTITIONS)
        ready_seconds = time.time() - started
        logs.write(made.topics.alerts, records)
        found = finish(made, load, patience, seconds)
        return {
            **figures(made, load, started, found),
            "open_incidents": open_incidents,
            "sites": load.sites + open_incidents,
            **size,
            "restore_seconds": restore_seconds,
            "ready_seconds": ready_seconds,
        }


def fill_states(made: Run, site_ids: list[str]) -> None:
    """Give each site an open incident whose first call is under way, for long."""
    now = time.time_ns() // 1_000_000
    records = incidents.records(site_ids, incidents.calling(now), now, lambda number: now + FAR_MS + number)
    made.logs.write(f"{made.id}.state", records)


def consume(logs: Logs, run_id: str) -> dict[str, float]:
    """Return the time in which a consumer reads ``state`` and ``sites`` without using them, and their size."""
    consumer = Consumer(
        {
            **QUIET,
            "bootstrap.servers": logs.address,
            "group.id": "benchmark-consume",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "queued.min.messages": 200_000,
            "fetch.wait.max.ms": 100,
        }
    )
    topics = (f"{run_id}.state", f"{run_id}.sites")
    left = {(topic, number) for topic in topics for number in range(PARTITIONS)}
    begun, size, count = time.monotonic(), 0, 0
    consumer.assign([TopicPartition(topic, number, 0) for topic, number in left])
    while left:
        for message in consumer.consume(10_000, 0.1):
            if message.error():
                left.discard((message.topic() or "", message.partition() or 0))
            else:
                size += len(message)
                count += 1
    took = time.monotonic() - begun
    consumer.close()
    return {"consume_seconds": took, "restored_records": count, "restored_mib": round(size / 1024**2)}
