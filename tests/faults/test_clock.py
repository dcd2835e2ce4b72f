"""The wall clock jumps by five minutes, either way: no deadline fires early, none is missed, no time goes back."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults import jumping
from tests.faults.bench import now_ms
from tests.faults.conftest import MakeBench
from tests.faults.records import decode

FIVE_MINUTES_MS = 5 * 60 * 1000


def test_a_clock_that_jumps_to_and_fro(bench: MakeBench, tmp_path: Path, is_soak: bool) -> None:
    run = bench(rate=500 if is_soak else 100, sites=1500 if is_soak else 300)
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    worker = run.worker("a", python=jumping.PYTHON)
    worker.start(environment={jumping.VARIABLE: str(clock)})
    run.begin()
    begun = now_ms() - 10_000

    for offset in (FIVE_MINUTES_MS, -FIVE_MINUTES_MS, 0, -FIVE_MINUTES_MS, FIVE_MINUTES_MS, 0):
        time.sleep(30 if is_soak else 0.8)
        set_clock(clock, offset)
    time.sleep(1)

    # A restart under a clock that is behind goes on from the time of the log.
    set_clock(clock, -FIVE_MINUTES_MS)
    with run.disturbed():
        worker.kill()
        worker.start(environment={jumping.VARIABLE: str(clock)})

    run.settle()
    run.verify()
    decided = [decode("decisions", raw.value or b"")["at"] for raw in run.tail.topics.of("decisions")]
    assert max(decided) <= now_ms(), "a jump forward was followed"
    assert min(decided) >= begun, "a jump back was followed"


def set_clock(file: Path, offset_ms: int) -> None:
    """Whole at once: a worker reads it at any time."""
    new = file.with_suffix(".new")
    new.write_text(str(offset_ms), encoding="ascii")
    new.replace(file)
