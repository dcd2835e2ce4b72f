"""One fault after the other upon one load: workers killed at every point, stopped, joining and leaving."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

from schemas.contract.murmur2 import partition
from tests.faults.bench import SESSION_TIMEOUT_MS, Bench
from tests.faults.conftest import MakeBench
from tests.faults.household import Household
from tests.faults.poison import spread
from tests.faults.records import Value, decode, encode
from tests.faults.workers import Worker

ROUNDS = 5  # of the long form
SILENT_SECONDS = 15.0  # of the telephony in the long form: at the pace of these procedures, 15 minutes


class Storm:
    """Two workers and a third, and what is done to them."""

    def __init__(self, run: Bench, folder: Path, seed: int) -> None:
        self.run = run
        self.dice = random.Random(seed)
        self.a, self.b, self.c = (run.worker(name) for name in "abc")
        self._armed = {worker: folder / f"armed-{worker.name}" for worker in (self.a, self.b, self.c)}

    def start(self, worker: Worker, point: str, action: str = "kill", passages: int = 3) -> None:
        """Begin a life in which something happens at a point, some passages after it was armed."""
        worker.start(fault=f"{point}:{self.dice.randint(1, passages)}:{action}", when=self._armed[worker])

    def start_failing(self, worker: Worker) -> None:
        """Begin a life in which the core fails once on an input and once on a deadline, after it was armed."""
        fault = f"core_input:{self.dice.randint(1, 200)}:raise,core_deadline:{self.dice.randint(1, 20)}:raise"
        worker.start(fault=fault, when=self._armed[worker])

    def strike(self, *workers: Worker, end: int = -signal.SIGKILL) -> None:
        """Arm their faults; they end of them."""
        for worker in workers:
            self._armed[worker].touch()
        for worker in workers:
            code, tail = worker.wait(), worker.tail()
            # A stop gives the chunk in flight three seconds, which a broker of a busy machine may need and more.
            is_given_up = end == 0 and code == 1 and "it was not committed in time" in tail
            assert code == end or is_given_up, tail
            self._armed[worker].unlink()

    def stun(self, worker: Worker) -> None:
        """Arm its fault, which stops it, and wake it when the group has gone on without it."""
        self._armed[worker].touch()
        worker.wait_stopped()
        self._armed[worker].unlink()
        time.sleep(SESSION_TIMEOUT_MS / 1000 + 1.5)
        worker.send(signal.SIGCONT)

    def fail_the_core(self, worker: Worker, times: int) -> None:
        """Arm its faults while the group is at rest, until the topics show both for the n-th time.

        The core fails in one passage each: where the transaction is refused, by a rebalance, nothing shows of it.
        """
        for member in (self.a, self.b):
            member.wait_ready()
        self._armed[worker].touch()
        give_up = time.monotonic() + 120
        while min(failed := failures(self.run)) < times:
            assert time.monotonic() < give_up, f"the core failed on {failed} inputs and deadlines:\n{worker.tail()}"
            time.sleep(0.1)
            self.run.tail.read_to_end()
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
    run = bench(partitions=6, **({"late_seconds": 60.0} if is_soak else {"rate": 80, "sites": 300}))
    storm = Storm(run, tmp_path, seed)
    a, b, c = storm.a, storm.b, storm.c
    storm.start(a, "before_produce")
    storm.start(b, "after_produce")
    run.begin()
    outgrown = Household(run, 0, contacts=60, name="x" * 8192)  # what it takes fills two states
    poisoned = spoilt = 0
    for number in range(ROUNDS if is_soak else 1):
        if number:
            with run.disturbed():
                for worker in (a, b, c):
                    worker.kill()
                storm.start(a, "before_produce")
                storm.start(b, "after_produce")
        storm.breathe()
        run.load.outside.silent = True  # the telephony places no call for a while
        with run.disturbed():
            storm.strike(a, b)
            storm.start(a, "after_offsets")
            storm.start(b, "after_commit")
        if is_soak:
            time.sleep(SILENT_SECONDS)
        run.load.outside.silent = False
        poisoned += spread(run.journal, storm.dice, run.load.homes.names, run.partitions)
        outgrown.alert("INTRUSION")
        outgrown.alert("FIRE")

        with run.disturbed():
            storm.strike(a, b)
            storm.spoil_a_state()
            spoilt += 1
            a.start(fault=f"during_restore:{storm.dice.randint(1, 200)}:kill")
            assert a.wait() == -signal.SIGKILL
            storm.start(a, "during_revoke", passages=1)
            storm.start_failing(b)
        storm.fail_the_core(b, number + 1)

        with run.disturbed():
            storm.start(c, "after_produce", "term")
            storm.strike(a)  # it must give up partitions to the third
            storm.start(a, "after_offsets", "stop")
        with run.disturbed():
            storm.strike(c, end=0)  # SIGTERM in the middle of a chunk
        assert b.is_alive, f"nothing should have ended it:\n{b.tail()}"
        with run.disturbed(), run.restarting():
            storm.stun(a)  # with its transaction open
    storm.breathe()

    run.settle()
    run.verify()
    run.balance()
    letters = [dict(raw.headers) for raw in run.tail.topics.of("dead-letters")]
    reasons = Counter((told["dlq.topic"] or b"", told["dlq.reason"] or b"") for told in letters)
    assert sum(reasons.values()) >= poisoned + spoilt
    assert reasons[b"state", b"UNDECODABLE"] == spoilt
    errors = [told["dlq.error"] or b"" for told in letters if told["dlq.reason"] == b"FAILED"]
    assert any(b"the state of the site would take" in error for error in errors), "a site outgrew its state"
    rules = Counter(decode("decisions", raw.value or b"")["rule"] for raw in run.tail.topics.of("decisions"))
    assert rules["FAILED"], "the core was made to fail on a deadline"
    names_what_differs(run)


def failures(run: Bench) -> tuple[int, int]:
    """On how many inputs, and on how many deadlines, the core has failed."""
    letters = [dict(raw.headers) for raw in run.tail.topics.of("dead-letters")]
    attentions = [decode("attention", raw.value or b"") for raw in run.tail.topics.of("attention")]
    return (
        sum(b"the test's fault" in (told["dlq.error"] or b"") for told in letters),
        sum(told["reason"] == "FAILED" and told["incident_id"] is not None for told in attentions),
    )


def names_what_differs(run: Bench) -> None:
    """When a decision is doubled behind everybody's back, `ronde verify` names its input."""
    given: Value = {}
    for raw in reversed(run.tail.topics.of("decisions")):
        decision = decode("decisions", raw.value or b"")
        given = decision["input"]
        if given["topic"] is not None:
            again = encode("decisions", {**decision, "decision_id": "another"})
            run.journal.send("decisions", raw.key, again, "a doubled decision", partition=raw.partition)
            break
    run.journal.flush()
    found = [{name: one[name] for name in ("wrong", "topic", "partition", "offset")} for one in run.add_up()["found"]]
    assert found == [{"wrong": "TWICE", **{name: given[name] for name in ("topic", "partition", "offset")}}]
