"""The worker on a real broker: what it makes of alerts, what it refuses, and how it ends."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from ronde.local.ports import free_port
from schemas.avro.records import encode
from streams.kafka.topics import create
from tests.conftest import MakeSettings, SettingsFile
from tests.kafka.conftest import WorkerFile
from tests.kafka.world import World, now_ms, worker
from tests.machine import stretched
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

QUICK = {"wait_seconds": 1, "call_timeout_seconds": 2}


@pytest.fixture(params=["consumer", "classic"])
def running(world: World, worker_file: WorkerFile, request: pytest.FixtureRequest) -> Iterator[RondeProcess]:
    """A worker of quick procedures, under either protocol of the group."""
    file = worker_file("a", QUICK, group_protocol=request.param)
    with worker(file) as process:
        process.wait_ready()
        yield process


def test_an_alert_becomes_calls_a_wait_and_a_guard(world: World, running: RondeProcess) -> None:
    site = world.site_in(1)
    _, site_offset = world.site(site)
    world.wait_for(site, "readiness", ready=True)
    number, offset = world.alert(site, "alert-1")
    for _ in range(2):  # contacts of the first round
        call = world.wait_for(site, "calls", round=1, position=_ + 1, action="CALL")
        world.answer(call, "NO_ANSWER")
    world.wait_for(site, "decisions", rule="WAIT_STARTED")
    for _ in range(2):
        call = world.wait_for(site, "calls", round=2, position=_ + 1)
        world.answer(call, "NOT_IDENTIFIED")
    request = world.wait_for(site, "dispatches", action="REQUEST")
    assert request["partner_id"] == "guards"

    decisions = [seen for seen in world.of(site, "decisions") if seen.value]
    assert [seen.value["rule"] for seen in decisions if seen.value] == [
        "OPENED", "NEXT_CONTACT", "WAIT_STARTED", "WAIT_ENDED", "NEXT_CONTACT", "NOBODY_REACHED",
    ]  # fmt: skip
    opened = decisions[0].value
    assert opened is not None
    assert opened["input"] == {
        "kind": "ALERT", "id": "alert-1", "topic": "alerts", "partition": number, "offset": offset,
    }  # fmt: skip
    assert opened["site_offset"] == site_offset
    everything = world.of(site, "decisions", "calls", "dispatches", "readiness")
    assert {seen.partition for seen in everything} == {1}
    for seen in decisions:
        assert seen.value is not None
        assert seen.timestamp == seen.value["at"]
    started = next(seen.value for seen in decisions if seen.value and seen.value["rule"] == "WAIT_STARTED")
    ended = next(seen.value for seen in decisions if seen.value and seen.value["rule"] == "WAIT_ENDED")
    assert 0 <= ended["at"] - started["deadline"] < 500

    for topic, taken in (("alerts", 1), ("call-results", 4)):
        assert running.metric("ronde_inputs_total", topic=topic) == taken
        assert running.metric("ronde_inputs_decided_total", topic=topic) == taken
    assert running.metric("ronde_inputs_published_total", topic="sites") == 1
    assert running.metric("ronde_deadline_lateness_seconds_count") == 1
    assert running.page("health") == (200, '{"healthy":true,"standing":{}}')

    begun = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - begun < stretched(5)
    assert running.logged("partitions given up")


def test_a_site_record_or_its_tombstone_publishes_readiness(world: World, worker_file: WorkerFile) -> None:
    site = world.site_in(0)
    world.site(site)
    with worker(worker_file("a")) as process:
        process.wait_ready()
        world.wait_for(site, "readiness", ready=True)
        world.site(site, subscribed=False)
        world.wait_for(site, "readiness", subscribed=False)
        world.put("sites", None, site)
        eventually(lambda: world.of(site, "readiness")[-1].value is None, "the readiness' tombstone")
        world.alert(site, "late")
        assert world.wait_for(site, "quarantine")["reason"] == "UNKNOWN_SITE"


def test_what_cannot_be_handled_is_a_dead_letter_and_the_rest_goes_on(world: World, worker_file: WorkerFile) -> None:
    site, elsewhere = world.site_in(0), world.site_in(1)
    world.site(site)
    alert = {"alert_id": "x", "site_id": site, "kind": "INTRUSION", "raised_at": now_ms()}
    misplaced_site = encode("Site", {"site_id": elsewhere, "subscribed": True, "contacts": [], "updated_at": 0})
    poison = {
        "UNDECODABLE": world.put("alerts", b"\xff\x00poison", site, 0, [("trace", b"t-1")]),
        "KEY_MISMATCH": world.put("alerts", encode("Alert", alert), elsewhere, 0),
        "EMPTY_ID": world.put("alerts", encode("Alert", {**alert, "alert_id": ""}), site, 0),
        "TOO_LONG": world.put("alerts", encode("Alert", {**alert, "alert_id": "x" * 129}), site, 0),
    }
    lost = {
        "sites": world.put("sites", misplaced_site, elsewhere, 0),
        "alerts": world.alert(elsewhere, "lost", 0),
    }
    with worker(worker_file("a")) as process:
        process.wait_ready()
        world.alert(site, "good")
        world.wait_for(site, "decisions", rule="OPENED")
        letters = {
            (seen.headers["dlq.topic"], int(seen.headers["dlq.offset"])): seen for seen in world.all("dead-letters")
        }
        for reason, (_, offset) in poison.items():
            letter = letters.pop(("alerts", offset))
            assert letter.headers["dlq.reason"] == reason
            assert letter.headers["dlq.partition"] == "0"
            assert letter.partition == 0
        for topic, (_, offset) in lost.items():
            assert letters.pop((topic, offset)).headers["dlq.reason"] == "WRONG_PARTITION"
        assert letters == {}
        first = next(seen for seen in world.all("dead-letters") if seen.headers["dlq.reason"] == "UNDECODABLE")
        assert (first.key, first.headers["trace"]) == (site, "t-1")
        assert world.of(elsewhere, "quarantine", "decisions", "readiness") == []
        assert process.metric("ronde_inputs_total", topic="alerts") == 6
        assert process.metric("ronde_inputs_dead_lettered_total", topic="alerts") == 5
        assert process.metric("ronde_inputs_dead_lettered_total", topic="sites", reason="WRONG_PARTITION") == 1
        assert process.metric("ronde_inputs_decided_total", topic="alerts") == 1


def test_a_worker_does_not_start_on_topics_that_differ(world: World, settings_file: SettingsFile) -> None:
    with worker(settings_file(topics={"partitions": 3})) as process:
        assert process.wait() == 1
        said = process.log.read_text(encoding="utf-8")
        assert f"{world.settings.topic('state')}: partitions is 4, expected 3" in said


def test_ready_is_false_while_a_partition_is_restored(world: World, worker_file: WorkerFile) -> None:
    world.site(world.site_in(2))
    with worker(worker_file("a"), TEST_RONDE_FAULT="during_restore:1:block") as process:
        eventually(lambda: process.logged("partitions assigned"), "an assignment")
        status, said = process.page("ready")
        assert status == 503
        # The others are restored before it, at the same time, or wait for it.
        assert re.fullmatch(r"restoring partitions \[.*\b2\b.*\]", json.loads(said)["reasons"].pop("restore"))
        assert process.page("health")[0] == 200


def test_health_fails_when_transactions_stand_still_and_the_pages_live(world: World, worker_file: WorkerFile) -> None:
    site = world.site_in(0)
    with worker(worker_file("a", stall_seconds=1), TEST_RONDE_FAULT="before_produce:1:block") as process:
        process.wait_ready()
        time.sleep(1.5)
        assert process.page("health")[0] == 200
        world.site(site)
        eventually(lambda: process.page("health")[0] == 503, "a failing health check")
        time.sleep(1.1)
        standing = json.loads(process.page("health")[1])["standing"]
        assert "a chunk in flight" in standing
        assert process.page("metrics")[0] == 200
        assert process.metric("ronde_input_lag_records", topic="sites", partition="0") == 1, "taken is not handled"
        begun = time.monotonic()
        assert process.stop() == 1  # the chunk was not committed
        assert time.monotonic() - begun < stretched(6)


def test_a_worker_without_partitions_is_ready(settings: MakeSettings, settings_file: SettingsFile) -> None:
    one = {"partitions": 1}
    create(settings(topics=one))
    with worker(settings_file(topics=one, worker={"id": "a"})) as working:
        working.wait_ready()
        with worker(settings_file(topics=one, worker={"id": "b"})) as waiting:
            waiting.wait_ready()


def test_a_schema_registry_that_does_not_answer_is_waited_for(world: World, settings_file: SettingsFile) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    partitions = {"partitions": world.settings.topics.partitions}
    with worker(settings_file(topics=partitions, worker={"id": "a"}, registry={"url": nobody})) as process:
        eventually(lambda: "registry" in process.page("ready")[1], "waiting for the registry")
        status, said = process.page("ready")
        assert status == 503
        assert "does not answer" in json.loads(said)["reasons"]["registry"]
        assert process.page("health")[0] == 200
        assert process.stop() == 0
