"""A worker is stopped with a chunk in hand, its group goes on without it, and it wakes up: nothing of it may count."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults.bench import SESSION_TIMEOUT_MS
from tests.faults.conftest import MakeBench
from tests.faults.membership import share


@pytest.mark.soak
@pytest.mark.parametrize("protocol", ["consumer", "classic"])
@pytest.mark.parametrize("fault", ["before_produce:1:stun", "after_produce:1:stun", "after_offsets:1:stop"])
def test_a_zombie_commits_nothing(bench: MakeBench, tmp_path: Path, protocol: str, fault: str) -> None:
    run = bench(rate=200, sites=600, worker_settings={"group_protocol": protocol})
    stopped, other = run.worker("stopped"), run.worker("other")
    armed = tmp_path / "armed"
    stopped.start(fault=fault, when=armed)
    run.begin(other)
    share(stopped, other)
    with run.disturbed(), run.restarting():
        armed.touch()
        stopped.wait_stopped()
        armed.unlink()
        time.sleep(SESSION_TIMEOUT_MS / 1000 + 3)
        stopped.send(signal.SIGCONT)
        time.sleep(2)
    run.settle()
    run.verify()
