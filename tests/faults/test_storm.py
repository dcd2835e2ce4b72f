"""One fault after the other upon one load: workers killed at every point, stopped, joining and leaving."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

from schemas.murmur2 import partition
from tests.faults.bench import Bench
from tests.faults.conftest import MakeBench
from tests.faults.poison import spread
from tests.faults.records import decode
from tests.faults.workers import Worker

ROUNDS = 5  # of the long form


class Storm:
    """Two workers and a third, and what is done to them."""

    def __init__(self, run: Bench, folder: Path, seed: int) -> None:
        self.run = run
        self.dice = random.Random(seed)
        self.a, self.b, self.c = (run.worker(name) for name in "abc")
        self._armed = {worker: folder / f"armed-{worker.name}" for worker in (self.a, self.b, self.c)}

    def start(self, worker: Worker, point: str, passages: int = 3) -> None:
        """Begin a life that ends at a point, some passages after it was armed."""
        worker.start(fault=f"{point}:{self.dice.randint(1, passages)}:kill", when=self._armed[worker])

    def strike(self, *workers: Worker) -> None:
        """Arm their faults; they die of them."""
        for worker in workers:
            self._armed[worker].touch()
        for worker in workers:
            assert worker.wait() == -signal.SIGKILL
            self._armed[worker].unlink()

    def spoil_a_state(self) -> None:
        """While nobody works: the state of a site with an open incident is no longer readable."""
        self.run.tail.read_to_end()
        self.run.progress.look()
        last = self.run.progress.open[self.dice.choice(sorted(self.run.progress.open))]
        number = partition(last.key or b"", self.run.partitions)
        self.run.journal.send("state", last.key, self.dice.randbytes(60), "a spoilt state", partition=number)

    def breathe(self) -> None:
        """Let the load alone for a moment."""
        time.sleep(self.dice.uniform(0.5, 1.5))


def test_workers_killed_at_every_point_and_everything_else(
    bench: MakeBench, tmp_path: Path, seed: int, is_soak: bool
) -> None:
    run = bench(partitions=6, late_seconds=60.0 if is_soak else 6.0)
    storm = Storm(run, tmp_path, seed)
    a, b, c = storm.a, storm.b, storm.c
    storm.start(a, "before_produce")
    storm.start(b, "after_produce")
    run.begin()
    poisoned = spoilt = 0
    for number in range(ROUNDS if is_soak else 1):
        if number:
            with run.disturbed():
                b.kill()
                storm.start(b, "after_produce")
        storm.breathe()
        run.load.outside.silent = True  # the telephony places no call for a while
        with run.disturbed():
            storm.strike(a, b)
            storm.start(a, "after_offsets")
            storm.start(b, "after_commit")
        run.load.outside.silent = False
        poisoned += spread(run.journal, storm.dice, run.load.homes.names, run.partitions)

        with run.disturbed():
            storm.strike(a, b)
            storm.spoil_a_state()
            spoilt += 1
            a.start(fault=f"during_restore:{storm.dice.randint(1, 200)}:kill")
            assert a.wait() == -signal.SIGKILL
            storm.start(a, "during_revoke", passages=1)
            b.start(fault="core_input:200:raise,core_deadline:20:raise")

        with run.disturbed():
            c.start()
            storm.strike(a)  # it must give up partitions to the third
            storm.start(a, "before_produce")
        with run.disturbed():
            assert c.terminate() == 0, c.tail()

        with run.disturbed(), run.restarting():
            b.send(signal.SIGSTOP)
            time.sleep(3.5)  # the group goes on without it
            b.send(signal.SIGCONT)
    storm.breathe()

    run.settle()
    run.verify()
    reasons = Counter(
        (told["dlq.topic"] or b"", told["dlq.reason"] or b"")
        for told in (dict(raw.headers) for raw in run.tail.topics.of("dead-letters"))
    )
    assert sum(reasons.values()) >= poisoned + spoilt
    assert reasons[b"state", b"UNDECODABLE"] == spoilt
    assert any(reason == b"FAILED" for _, reason in reasons), "the core was made to fail on an input"
    rules = Counter(decode("decisions", raw.value or b"")["rule"] for raw in run.tail.topics.of("decisions"))
    assert rules["FAILED"], "the core was made to fail on a deadline"
