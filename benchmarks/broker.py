"""The broker of a benchmark: a fresh one of `ronde local`, for the time of the benchmark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from benchmarks.folders import HOME
from ronde.local.kafka import Kafka
from ronde.local.ports import free_port

HEAP_MB: Final = 1024


class Broker:
    """A running broker; ``process`` is None for one that was not started here."""

    def __init__(self, address: str, pid: int | None = None) -> None:
        self.address = address
        self._process = None if pid is None else psutil.Process(pid)

    def cpu_seconds(self) -> float:
        """Return its CPU time so far; 0 for one that was not started here."""
        if self._process is None:
            return 0.0
        times = self._process.cpu_times()
        return times.user + times.system


@contextmanager
def broker(address: str | None = None) -> Iterator[Broker]:
    """Yield the broker at ``address``, or a fresh one, deleted afterwards with its data."""
    if address is not None:
        yield Broker(address)
        return
    port = free_port()
    node = Kafka(HOME / f"kafka-{port}", port=port, heap_mb=HEAP_MB, optimised=True)
    try:
        node.start()
        yield Broker(node.bootstrap_servers, node.pid)
    finally:
        node.stop()
        shutil.rmtree(node.folder, ignore_errors=True)
