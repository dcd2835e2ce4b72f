"""Who holds which partitions, by what the workers log."""

from __future__ import annotations

import time

from tests.faults.workers import Worker


def held(worker: Worker) -> list[int]:
    """The partitions that a worker was assigned and not relieved of."""
    numbers: set[int] = set()
    for line in worker.lines:
        told = line.get("partitions")
        if isinstance(told, list):
            changed = {int(number) for number in told}
            numbers = numbers | changed if line["event"] == "partitions assigned" else numbers - changed
    return sorted(numbers)


def share(*workers: Worker) -> None:
    """Wait until each has some of the partitions."""
    give_up = time.monotonic() + 20
    while not all(held(worker) for worker in workers):
        assert time.monotonic() < give_up, f"the partitions are held as {[held(worker) for worker in workers]}"
        time.sleep(0.1)
