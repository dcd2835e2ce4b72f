"""The broker goes away and comes back: stopped, killed, frozen. Workers wait, or end and are started again."""

from __future__ import annotations

import time

from ronde.local.kafka import Kafka
from streams.kafka.clients import answers
from streams.settings import load
from tests.faults.conftest import MakeBench
from tests.faults.workers import Worker


def test_a_broker_restarted_killed_and_frozen(bench: MakeBench, broker: Kafka, is_soak: bool) -> None:
    # A transaction that hangs when the broker is back is given up the sooner, the shorter its time-out; but one that
    # times out before its broker leads again, which took 9 s once, is as good as one that was under way
    # (`Bench.between_commits`).
    short = {"rate": 40, "sites": 120, "worker_settings": {"transaction_timeout_ms": 12_000}}
    run = bench(lone=broker, **({"late_seconds": 60.0} if is_soak else short))
    run.begin(run.worker("a"), run.worker("b"))
    late = run.worker("late")

    with run.restarting():
        time.sleep(1)
        with run.disturbed():
            with run.between_commits():
                broker.stop()
            broker.start()
        with run.disturbed():
            with run.between_commits():
                broker.kill()
            broker.start()
        with run.disturbed():
            broker.pause()
            begun = time.monotonic()
            late.start()
            settings = load(run.folder / "late.toml", {})
            assert not answers(settings), "or workers would end while the broker is away"
            waits_for_a_broker(late)
            time.sleep(max(begun + (60 if is_soak else 0) - time.monotonic(), 0))
            assert late.lives == 1, "it has waited, and was not started again"
            broker.resume()
        assert answers(settings)
        run.settle()

    run.verify()


def waits_for_a_broker(worker: Worker) -> None:
    """A worker that begins while nobody answers has its pages up, and says what it waits for."""
    give_up = time.monotonic() + 60
    while worker.page("ready")[0] == 0:
        assert time.monotonic() < give_up, worker.tail()
        time.sleep(0.05)
    assert (worker.page("ready")[0], worker.page("health")[0]) == (503, 200)
    assert worker.field("the broker is waited for", "reason")
