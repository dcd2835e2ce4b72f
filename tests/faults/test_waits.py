"""Waits and calls under way when a worker dies, leaves, or is away: on time, once, and an answer counts.

The same without a load beside it is in `tests.kafka.test_worker_faults`, for `make test`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.bench import Bench
from tests.faults.conftest import MakeBench
from tests.faults.household import Household
from tests.faults.membership import share

ON_TIME_MS = 1000


def waiting(bench: Bench, number: int) -> tuple[Household, int]:
    """A household in the wait between its rounds, and when that ends."""
    home = Household(bench, number)
    home.alert()
    home.answer(home.wait_for("calls", lambda call: call["round"] == 1), "NO_ANSWER")
    return home, home.wait_for_rule("WAIT_STARTED")["deadline"]


def ends_on_time(home: Household, deadline: int) -> None:
    """The wait is over when it should be: the second round begins, and goes on to its end."""
    ended = home.wait_for_rule("WAIT_ENDED")
    assert 0 <= ended["at"] - deadline <= ON_TIME_MS, f"{ended['at'] - deadline} ms late"
    home.answer(home.wait_for("calls", lambda call: call["round"] == 2), "IDENTIFIED")
    home.wait_for_rule("RESOLVED")


@pytest.mark.soak
def test_a_wait_outlives_a_worker_killed_before_its_commit(bench: MakeBench, tmp_path: Path) -> None:
    run = bench(rate=100, sites=300, times={"wait_seconds": 11})
    armed = tmp_path / "armed"
    worker = run.worker()
    worker.start(fault="after_offsets:1:kill", when=armed)
    run.begin()
    homes = [waiting(run, number) for number in range(run.partitions)]

    with run.disturbed():
        armed.touch()  # the load sees to it that the transaction is open on other partitions
        assert worker.wait() == -9
        armed.unlink()
        worker.start()
    for home, deadline in homes:
        ends_on_time(home, deadline)

    run.settle()
    run.verify()


@pytest.mark.soak
def test_a_wait_goes_over_to_another_worker(bench: MakeBench, tmp_path: Path) -> None:
    run = bench(rate=100, sites=300, times={"wait_seconds": 14}, worker_settings={"transaction_timeout_ms": 5000})
    armed = tmp_path / "armed"
    dying, staying = run.worker("dying"), run.worker("staying")
    dying.start(fault="after_offsets:1:kill", when=armed)
    staying.start()
    run.begin()
    share(dying, staying)
    homes = [waiting(run, number) for number in range(run.partitions)]

    with run.disturbed():
        armed.touch()
        assert dying.wait() == -9  # and its transaction stays open until its time is over
    for home, deadline in homes:
        ends_on_time(home, deadline)

    run.settle()
    run.verify()


@pytest.mark.soak
def test_a_wait_goes_over_when_a_worker_leaves(bench: MakeBench) -> None:
    run = bench(rate=100, sites=300, times={"wait_seconds": 8})
    leaving, staying = run.worker("leaving"), run.worker("staying")
    run.begin(leaving, staying)
    share(leaving, staying)
    homes = [waiting(run, number) for number in range(run.partitions)]

    with run.disturbed():
        assert leaving.stop() == 0
    for home, deadline in homes:
        ends_on_time(home, deadline)

    run.settle()
    run.verify()


@pytest.mark.soak
def test_an_answer_that_waited_in_its_topic_counts_before_the_time_out_of_its_call(bench: MakeBench) -> None:
    run = bench(rate=100, sites=300, times={"call_timeout_seconds": 3})
    worker = run.worker()
    run.begin(worker)
    homes = [Household(run, number) for number in range(run.partitions)]
    for home in homes:
        home.alert()
    calls = [home.wait_for("calls", lambda call: call["round"] == 1) for home in homes]

    with run.disturbed():
        worker.kill()
        for home, call in zip(homes, calls, strict=True):
            home.answer(call, "IDENTIFIED")
        run.journal.flush()
        time.sleep(4)
        worker.start()
    for home, call in zip(homes, calls, strict=True):
        resolved = home.wait_for("decisions", lambda decision: decision["version"] == 2)
        assert resolved["rule"] == "RESOLVED"
        assert resolved["at"] > call["expires_at"]

    run.settle()
    run.verify()
