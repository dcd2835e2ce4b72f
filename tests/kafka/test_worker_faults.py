"""What a worker does when something fails under it: nothing is lost, nothing happens twice, waits end on time."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.kafka.conftest import PARTITIONS, WorkerFile
from tests.kafka.world import World, worker
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

# A dead worker is noticed within a second or two.
QUICK: Final[dict[str, Any]] = {"session_timeout_ms": 1000}
WAIT: Final = {"wait_seconds": 7, "call_timeout_seconds": 30}
LATE_MS: Final = 1500  # of a deadline, on a machine that is busy with other things


def begin_wait(world: World, site: str) -> dict[str, Any]:
    """An alert, and nobody answers: the decision that starts the wait."""
    world.live_site(site)
    world.alert(site, "the-alert")
    for position in (1, 2):
        world.answer(world.wait_for(site, "calls", round=1, position=position), "NO_ANSWER")
    return world.wait_for(site, "decisions", rule="WAIT_STARTED")


def check_wait(world: World, site: str, started: dict[str, Any], by: RondeProcess) -> None:
    """The wait ended on time, or as soon as there was a worker again, and everything happened once."""
    ended = world.wait_for(site, "decisions", rule="WAIT_ENDED")
    due = max(started["deadline"], restored_at(by, world.home(site)))
    assert ended["at"] >= started["deadline"]
    assert ended["at"] - due < LATE_MS, f"the wait ended {ended['at'] - due} ms late"
    check_once(world, site, ["OPENED", "NEXT_CONTACT", "WAIT_STARTED", "WAIT_ENDED"])


def check_once(world: World, site: str, rules: list[str]) -> None:
    """These decisions and no others, versions without gaps, no command twice."""
    decisions = [seen.value for seen in world.of(site, "decisions") if seen.value]
    assert [decision["rule"] for decision in decisions] == rules
    assert [decision["version"] for decision in decisions] == list(range(1, len(rules) + 1))
    commands = [seen.value["command_id"] for seen in world.of(site, "calls", "dispatches") if seen.value]
    assert commands == [output for decision in decisions for output in decision["outputs"]]


def held(process: RondeProcess) -> list[int]:
    """The partitions of a worker, by what it logged."""
    numbers: set[int] = set()
    for line in process.lines:
        if line["event"] == "partitions assigned":
            numbers |= set(line["partitions"])
        elif line["event"] == "partitions given up":
            numbers -= set(line["partitions"])
    return sorted(numbers)


# Once in `make test`, and `--times` times in `make soak`.
repeated = pytest.mark.usefixtures("seed")


def restored_at(process: RondeProcess, number: int) -> int:
    """When a worker had a partition restored, in ms; a machine under load may start one late."""
    lines = [line for line in process.lines if line["event"] == "partition restored" and line["partition"] == number]
    return int(datetime.fromisoformat(lines[-1]["timestamp"]).timestamp() * 1000)


def wait_until_shared(*processes: RondeProcess) -> None:
    share = PARTITIONS // len(processes)
    eventually(lambda: all(len(held(process)) == share for process in processes), "an equal share")
    for process in processes:
        process.wait_ready()


@repeated
@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_kill_before_the_commit_in_the_middle_of_a_wait(
    world: World, worker_file: WorkerFile, tmp_path: Path, protocol: str
) -> None:
    file = worker_file("a", WAIT, group_protocol=protocol, **QUICK)
    waiting, *others = (world.site_in(number) for number in (0, 1, 2))
    now = tmp_path / "now"
    with worker(file, TEST_RONDE_FAULT="after_offsets:1:kill", TEST_RONDE_FAULT_WHEN=str(now)) as process:
        process.wait_ready()
        for site in others:
            world.live_site(site)
        started = begin_wait(world, waiting)
        now.touch()
        for site in others:
            world.alert(site, "in-the-open-transaction")
        assert process.wait() == -9
    with worker(file) as process:
        check_wait(world, waiting, started, process)
        for site in others:
            world.wait_for(site, "decisions", rule="OPENED")
            check_once(world, site, ["OPENED"])


@repeated
def test_another_worker_goes_on_while_the_dead_ones_transaction_is_open(
    world: World, worker_file: WorkerFile, tmp_path: Path
) -> None:
    now = tmp_path / "now"
    fault = {"TEST_RONDE_FAULT": "after_offsets:1:kill", "TEST_RONDE_FAULT_WHEN": str(now)}
    with (
        worker(worker_file("a", WAIT, **QUICK), **fault) as dying,
        worker(worker_file("b", WAIT, **QUICK)) as staying,
    ):
        wait_until_shared(dying, staying)
        waiting, other = (world.site_in(number) for number in held(dying))
        world.live_site(other)
        started = begin_wait(world, waiting)
        now.touch()
        world.alert(other, "in-the-open-transaction")
        assert dying.wait() == -9
        killed = time.monotonic()
        check_wait(world, waiting, started, staying)
        assert time.monotonic() - killed < 10, "by then the dead worker's transaction would have ended by itself"
        world.wait_for(other, "decisions", rule="OPENED")
        check_once(world, other, ["OPENED"])


@repeated
@pytest.mark.parametrize("protocol", ["consumer", "classic"])
@pytest.mark.parametrize("point", ["after_produce", "after_offsets"])
def test_a_worker_that_was_stopped_amid_deadlines_alone_makes_nothing_twice(
    world: World, worker_file: WorkerFile, tmp_path: Path, protocol: str, point: str
) -> None:
    """Such a chunk has no input whose offset the group could refuse, or the next holder wait for."""
    settings = {"group_protocol": protocol, **QUICK}
    times = {"call_timeout_seconds": 4, "wait_seconds": 60}
    now = tmp_path / "now"
    fault = {"TEST_RONDE_FAULT": f"{point}:1:stun", "TEST_RONDE_FAULT_WHEN": str(now)}
    with (
        worker(worker_file("a", times, **settings), **fault) as stopped,
        worker(worker_file("b", times, **settings)) as other,
    ):
        wait_until_shared(stopped, other)
        number = held(stopped)[0]
        site = world.site_in(number)
        world.live_site(site)
        world.alert(site, "the-alert")
        world.wait_for(site, "decisions", rule="OPENED")
        now.touch()  # the next transaction is that of the first call's time-out
        eventually(lambda: psutil.Process(stopped.process.pid).status() == psutil.STATUS_STOPPED, "it is stopped")
        eventually(lambda: number in held(other), "the other worker holds the partition")
        time.sleep(1.5)  # for its restore, if that waits for nobody, and the deadline
        stopped.send(signal.SIGCONT)
        world.wait_for(site, "decisions", rule="WAIT_STARTED")
        check_once(world, site, ["OPENED", "NEXT_CONTACT", "WAIT_STARTED"])


@repeated
def test_one_of_two_workers_leaves_in_the_middle_of_a_wait(world: World, worker_file: WorkerFile) -> None:
    times = {**WAIT, "wait_seconds": 4}
    with worker(worker_file("a", times)) as leaving, worker(worker_file("b", times)) as staying:
        wait_until_shared(leaving, staying)
        waiting, other = (world.site_in(number) for number in held(leaving))
        kept = world.site_in(held(staying)[0])
        begun = {site: begin_wait(world, site) for site in (waiting, other, kept)}
        assert leaving.stop() == 0
        for site, started in begun.items():
            check_wait(world, site, started, staying)


@repeated
def test_an_answer_that_waited_for_the_worker_counts(world: World, worker_file: WorkerFile) -> None:
    file = worker_file("a", {"call_timeout_seconds": 2})
    site = world.site_in(0)
    with worker(file) as process:
        process.wait_ready()
        world.live_site(site)
        world.alert(site, "the-alert")
        call = world.wait_for(site, "calls", position=1)
        assert process.stop() == 0
    world.answer(call, "IDENTIFIED", "NORMAL")
    time.sleep(2)  # past the call's deadline
    with worker(file):
        world.wait_for(site, "decisions", rule="RESOLVED")
        check_once(world, site, ["OPENED", "RESOLVED"])


def test_a_refused_commit_is_restored_from_the_log(world: World, worker_file: WorkerFile) -> None:
    site, other = world.site_in(0), world.site_in(1)
    with worker(worker_file("a", WAIT), TEST_RONDE_FAULT="after_offsets:3:refuse") as process:
        process.wait_ready()
        world.live_site(site)
        started = begin_wait(world, other)  # one of these is refused, and made again
        world.alert(site, "after-it")
        world.wait_for(site, "decisions", rule="OPENED")
        check_once(world, site, ["OPENED"])
        assert process.metric("ronde_transactions_aborted_total", reason="ILLEGAL_GENERATION") == 1
        # Where records were in its queue still, the client begins with a gap in their numbers: refused once more.
        skipped = process.metric("ronde_transactions_aborted_total", reason="OUT_OF_ORDER_SEQUENCE_NUMBER")
        assert process.metric("ronde_transactions_aborted_total") - 1 == skipped <= 1
        assert process.metric("ronde_inputs_total", topic="alerts") == 2
        check_wait(world, other, started, process)


def test_a_state_that_does_not_decode_is_set_aside_alone(world: World, worker_file: WorkerFile) -> None:
    site, other = world.site_in(0), world.site_in(0, "other")
    file = worker_file("a", WAIT, **QUICK)
    world.site(site)
    _, offset = world.put("state", b"\xc3\x01 no state", site, 0, [("trace", b"t-1")])
    with worker(file) as process:
        process.wait_ready()
        attention = world.wait_for(site, "attention")
        assert attention["attention_id"] == f"state-0-{offset}-t1"
        assert (attention["reason"], attention["cause"], attention["incident_id"]) == ("FAILED", "FAILED", None)
        (letter,) = world.of(site, "dead-letters")
        told = {name.removeprefix("dlq."): value for name, value in letter.headers.items()}
        told.pop("error")
        assert told == {
            "trace": "t-1", "topic": "state", "partition": "0", "offset": str(offset), "reason": "UNDECODABLE",
        }  # fmt: skip
        started = begin_wait(world, other)
        world.alert(site, "goes-on")
        world.wait_for(site, "decisions", rule="OPENED")
        process.kill()
    with worker(file) as process:
        check_wait(world, other, started, process)
        check_once(world, site, ["OPENED"])
        assert len(world.of(site, "dead-letters", "attention")) == 2


def test_a_state_whose_key_takes_a_megabyte_is_set_aside_alone(world: World, worker_file: WorkerFile) -> None:
    site = world.site_in(0)
    _, offset = world.put("state", b"\xc3\x01 no state", b"k" * 999_000, 0)
    with worker(worker_file("a")) as process:
        process.wait_ready()
        eventually(lambda: world.all("attention"), "the attention")
        (attention,) = world.all("attention")
        assert attention.value is not None
        assert attention.value["attention_id"] == f"state-0-{offset}-t1"
        assert attention.key == attention.value["site_id"] == "k" * 128 + "…"
        (letter,) = world.all("dead-letters")
        assert (letter.headers["dlq.topic"], letter.headers["dlq.reason"]) == ("state", "UNDECODABLE")
        world.live_site(site)
        world.alert(site, "goes-on")
        world.wait_for(site, "decisions", rule="OPENED")
        process.kill()
    with worker(worker_file("a")) as process:
        process.wait_ready()
        assert process.metric("ronde_states_set_aside_total") == 0, "a tombstone stands in its place"


def test_an_input_on_which_the_core_fails_is_a_dead_letter(world: World, worker_file: WorkerFile) -> None:
    site = world.site_in(0)
    with worker(worker_file("a"), TEST_RONDE_FAULT="core_input:2:raise") as process:
        process.wait_ready()
        world.live_site(site)
        world.alert(site, "first")
        world.wait_for(site, "decisions", rule="OPENED")
        _, offset = world.alert(site, "second")
        world.alert(site, "third")
        world.wait_for(site, "decisions", rule="MERGED")
        (letter,) = world.of(site, "dead-letters")
        assert (letter.headers["dlq.reason"], letter.headers["dlq.offset"]) == ("FAILED", str(offset))
        assert "Traceback" in letter.headers["dlq.error"]
        check_once(world, site, ["OPENED", "MERGED"])
        assert process.metric("ronde_inputs_total", topic="alerts") == 3
        assert process.metric("ronde_inputs_decided_total", topic="alerts") == 2
        assert process.metric("ronde_inputs_dead_lettered_total", topic="alerts", reason="FAILED") == 1


def test_a_tombstone_on_which_the_core_failed_deletes_its_site_at_no_restart(
    world: World, worker_file: WorkerFile
) -> None:
    site = world.site_in(0)
    with worker(worker_file("a"), TEST_RONDE_FAULT="core_site:2:raise") as process:
        process.wait_ready()
        world.live_site(site)
        world.alert(site, "first")
        opened = world.wait_for(site, "decisions", rule="OPENED")
        world.put("sites", None, site)
        eventually(lambda: world.of(site, "dead-letters"), "the dead letter")
        assert process.stop() == 0
    for number in (1, 2):
        with worker(worker_file("a")) as process:
            process.wait_ready()
            world.alert(site, f"after restart {number}")
            world.wait_for(site, "decisions", rule="MERGED", version=1 + number)
            assert process.stop() == 0
    decisions = [seen.value["site_offset"] for seen in world.of(site, "decisions") if seen.value]
    assert decisions == [opened["site_offset"]] * 3


def test_a_deadline_on_which_the_core_fails_hands_the_incident_over(world: World, worker_file: WorkerFile) -> None:
    site = world.site_in(0)
    with worker(worker_file("a", {"call_timeout_seconds": 1}), TEST_RONDE_FAULT="core_deadline:1:raise") as process:
        process.wait_ready()
        world.live_site(site)
        world.alert(site, "the-alert")
        assert world.wait_for(site, "decisions", rule="FAILED")["phase_to"] == "HANDED_OVER"
        assert world.wait_for(site, "attention")["reason"] == "FAILED"
        assert process.metric("ronde_deadlines_failed_total") == 1


def test_a_state_that_fails_again_is_set_aside_alone(world: World, worker_file: WorkerFile) -> None:
    site, other = world.site_in(0), world.site_in(0, "other")
    fault = "core_deadline:1:raise,core_failed_deadline:1:raise"
    with worker(worker_file("a", {"call_timeout_seconds": 1}), TEST_RONDE_FAULT=fault) as process:
        process.wait_ready()
        world.live_site(site)
        world.alert(site, "the-alert")
        attention = world.wait_for(site, "attention")
        (letter,) = world.of(site, "dead-letters")
        assert (letter.headers["dlq.topic"], letter.headers["dlq.reason"]) == ("state", "FAILED")
        assert attention["attention_id"] == f"state-0-{letter.headers['dlq.offset']}-t1"
        world.live_site(other)
        world.alert(other, "another")
        world.wait_for(other, "decisions", rule="NEXT_CONTACT")  # its deadline fires
        world.alert(site, "goes-on")
        eventually(lambda: world.rules(site).count("OPENED") == 2, "the site opens another incident")
        assert process.metric("ronde_states_set_aside_total") == 1
        assert process.metric("ronde_deadlines_failed_total") == 1


def test_a_group_that_knows_nothing_of_what_was_done_does_not_begin_anew(world: World, worker_file: WorkerFile) -> None:
    site = world.site_in(0)
    with worker(worker_file("a")) as process:
        process.wait_ready()
        world.live_site(site)
        world.alert(site, "the-alert")
        world.wait_for(site, "decisions", rule="OPENED")
        assert process.stop() == 0
    with worker(worker_file("a", group="another")) as process:
        assert process.wait() == 1
        said = process.log.read_text(encoding="utf-8").splitlines()[-1]
        assert said.startswith("ronde: partition 0 was worked on, and group another has no offsets of it")
        assert "--reset-offsets" in said
