"""Workers join and leave, as in a deployment that cannot make up its mind: partitions move, and nothing else does."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.faults.conftest import MakeBench

CHANGES = 20
SECONDS = 300.0


@pytest.mark.soak
def test_twenty_joins_and_leaves_in_five_minutes(bench: MakeBench, seed: int) -> None:
    run = bench(partitions=6)
    dice = random.Random(seed)
    workers = [run.worker(name) for name in "abcd"]
    run.begin(workers[0])
    begun = time.monotonic()
    for number in range(1, CHANGES + 1):
        running = [worker for worker in workers if worker.is_alive]
        resting = [worker for worker in workers if not worker.is_alive]
        with run.disturbed():
            if len(running) == 1 or (resting and dice.random() < 0.5):
                dice.choice(resting).start()
            elif dice.random() < 0.5:
                assert dice.choice(running).stop() == 0
            else:
                dying = dice.choice(running)
                dying.kill()
                assert dying.exit_code == -signal.SIGKILL
        time.sleep(max(begun + number * SECONDS / CHANGES - time.monotonic(), 0))
    run.settle()
    run.verify()
    run.balance()
