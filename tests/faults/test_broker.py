"""The broker goes away and comes back: stopped, killed, frozen. Workers wait, or end and are started again."""

from __future__ import annotations

import time

from ronde.local.kafka import Kafka
from tests.faults.conftest import MakeBench


def test_a_broker_restarted_killed_and_frozen(bench: MakeBench, broker: Kafka, is_soak: bool) -> None:
    run = bench(late_seconds=60.0 if is_soak else 6.0)
    run.begin(run.worker("a"), run.worker("b"))

    with run.restarting():
        time.sleep(1)
        with run.disturbed():
            broker.restart()
        with run.disturbed(seconds=120):
            broker.kill()
            broker.start()
        with run.disturbed(seconds=120):
            broker.pause()
            time.sleep(60 if is_soak else 8)
            broker.resume()
        run.settle()

    run.verify()
