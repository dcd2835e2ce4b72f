"""Inputs by hand on a real broker: sent once, decided once, and what comes of them is shown."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from ronde.commands import sites_on_test
from ronde.outcomes.input_ends import InputEnds
from schemas.avro.records import encode
from schemas.contract.murmur2 import partition
from streams.kafka.reading import Logs, Span
from tests.conftest import Ran, Run, SettingsFile
from tests.faults.registry import Registry
from tests.kafka.conftest import PARTITIONS, WorkerFile
from tests.kafka.world import World, worker
from tests.support.ronde_process import RondeProcess
from tests.support.topics import alter
from tests.support.waiting import eventually


@pytest.fixture
def file(world: World, worker_file: WorkerFile) -> Path:
    """The settings that lead to the world's topics."""
    return worker_file("by-hand")


@pytest.fixture
def running(file: Path) -> Iterator[RondeProcess]:
    with worker(file) as process:
        process.wait_ready()
        yield process


@pytest.fixture
def send(run: Run, file: Path, tmp_path: Path) -> Any:
    """`ronde send` of some values."""

    def command(topic: str, *values: Any, options: tuple[str, ...] = ()) -> Ran:
        lines = tmp_path / "lines.jsonl"
        lines.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")
        return run("send", topic, lines, *options, "--settings", file)

    return command


def alert(site: str, **fields: Any) -> dict[str, Any]:
    return {"alert_id": "A1", "site_id": site, "kind": "INTRUSION", **fields}


def rules(world: World, site: str) -> list[str]:
    return [seen.value["rule"] for seen in world.of(site, "decisions") if seen.value]


def squeezed(text: str) -> str:
    return " ".join(text.split())


# --- from an alert to its end ---------------------------------------------------------------------


def test_one_alert_is_sent_answered_reported_and_closed(
    world: World, run: Run, file: Path, running: RondeProcess, send: Any
) -> None:
    site = world.site_in(1)
    world.live_site(site)
    sent = send("alerts", alert(site))

    assert (sent.exit, sent.err) == (0, "")
    assert f"1 sent to {world.settings.topic('alerts')}, 0 bad lines left out" in sent.out
    assert re.search(r"1 had no raised_at; to send the same again: --at 2\d{3}-", sent.out)
    assert f"line 1 alert INTRUSION OPENED call 1.1 {site}-1" in squeezed(sent.out)
    match = re.search(rf"to answer for {site}-1: ronde (answer (\w+)-c1\.1 IDENTIFIED NORMAL --settings \S+)", sent.out)
    assert match is not None, sent.out
    incident = match[2]
    assert f"incident {incident} is CALLING until" in sent.out

    again = run("answer", f"{incident}-c1.1", "no-answer", "--settings", file)
    assert f"{site}-1 NO_ANSWER NEXT_CONTACT call 1.2 {site}-2" in squeezed(again.out)
    twice = run("answer", f"{incident}-c1.1", "NO_ANSWER", "--settings", file)
    assert "DUPLICATE_INPUT" in twice.out
    assert "said before, and changes nothing" in twice.out

    told = json.loads(run("answer", f"{incident}-c1.2", "IDENTIFIED", "ABNORMAL", "--settings", file, "--json").out)
    assert told["result_id"].startswith(f"{incident}-c1.2-result-")
    decided = told["ends"][0]["decisions"]
    assert [(one["rule"], one["phase_to"]) for one in decided] == [("CONFIRMED_ABNORMAL", "DISPATCHED")]

    report = {
        "report_id": f"{incident}-d1-accepted", "site_id": site, "incident_id": incident,
        "dispatch_id": f"{incident}-d1", "partner_id": "guards", "status": "ACCEPTED",
    }  # fmt: skip
    assert "guard ACCEPTED PARTNER_PROGRESS" in squeezed(send("dispatch-reports", report).out)

    said = ("--reason", "seen from the street", "--operator", "zoe", "--settings", file)
    other = run("action", "dispatch", incident, *said)
    assert "OPERATOR_DISPATCH call off guards ask other-guards" in squeezed(other.out)
    assert 'to report for other-guards: echo \'{"report_id": ' in other.out
    assert "DUPLICATE_INPUT" in run("action", "dispatch", incident, *said).out
    closed = run("action", "close", incident, *said)
    assert "OPERATOR_CLOSED call off other-guards" in squeezed(closed.out)
    assert f"incident {incident} is CLOSED\n" in closed.out
    assert "closed incident" in run("action", "close", incident, *said).out
    late = run("action", "close", incident, "--reason", "x", "--operator", "max", "--settings", file)
    assert late.exit == 1
    assert f"incident {incident} is closed since" in late.err
    assert rules(world, site) == [
        "OPENED", "NEXT_CONTACT", "DUPLICATE_INPUT", "CONFIRMED_ABNORMAL", "PARTNER_PROGRESS", "OPERATOR_DISPATCH",
        "DUPLICATE_INPUT", "OPERATOR_CLOSED",
    ]  # fmt: skip


def test_the_same_alert_again_is_a_duplicate_and_a_call_withdrawn_has_no_answer(
    world: World, run: Run, file: Path, running: RondeProcess, send: Any
) -> None:
    site = world.site_in(2)
    world.live_site(site)
    at = ("--at", "2026-01-01T00:00:00Z")
    first = json.loads(send("alerts", alert(site), options=(*at, "--json")).out)
    second = json.loads(send("alerts", alert(site), options=(*at, "--json")).out)
    assert [one["ends"][0]["decisions"][0]["rule"] for one in (first, second)] == ["OPENED", "DUPLICATE_ALERT"]
    assert first["filled_in"] == {"field": "raised_at", "instant": "2026-01-01T00:00:00.000Z", "lines": 1}

    incident = first["ends"][0]["decisions"][0]["incident_id"]
    run("action", "dispatch", incident, "--reason", "x", "--operator", "y", "--settings", file)
    cancel = run("answer", f"{incident}-c1.1-cancel", "IDENTIFIED", "--settings", file)
    assert (cancel.exit, cancel.out) == (1, "")
    assert f"withdraws the call {incident}-c1.1" in cancel.err


def test_a_quarantined_alert_is_shown_and_listed(
    world: World, run: Run, file: Path, running: RondeProcess, send: Any
) -> None:
    bare, tested = world.site_in(0, "bare"), world.site_in(3, "tested")
    world.site(bare, address=None)
    world.live_site(tested)
    world.wait_for(bare, "readiness")
    put = run("sites", "test", tested, "--for", "2h", "--settings", file)
    assert put.exit == 0, put.err
    shown = json.loads(run("sites", "show", tested, "--settings", file, "--json").out)
    assert shown["on_test"]
    eventually(lambda: len(world.of(tested, "readiness")) == 2, "the site's second record is known")

    sent = send("alerts", alert(bare, zone="bedroom of Ann"), alert(bare, alert_id="A2", kind="FIRE"))
    assert "(quarantined) NOT_READY POSTAL_ADDRESS" in squeezed(sent.out)
    send("alerts", alert(tested))

    told = json.loads(run("quarantined", "--settings", file, "--json").out)
    assert [(one["site_id"], one["reason"], one["alerts"], one["kinds"]) for one in told["sites"]] == [
        (bare, "NOT_READY", 2, ["INTRUSION", "FIRE"]),
        (tested, "ON_TEST", 1, ["INTRUSION"]),
    ]
    assert told["counts"] == [
        {"reason": "NOT_READY", "sites": 1, "alerts": 2},
        {"reason": "ON_TEST", "sites": 1, "alerts": 1},
    ]
    listed = run("quarantined", "--settings", file).out
    assert re.search(rf"{bare} +NOT_READY +2 +2\d{{3}}-", listed)
    assert "POSTAL_ADDRESS" in listed
    assert "bedroom" not in listed
    for option in (("--site", tested), ("--reason", "ON_TEST")):
        only = json.loads(run("quarantined", *option, "--settings", file, "--json").out)
        assert [one["site_id"] for one in only["sites"]] == [tested]
    assert json.loads(run("quarantined", "--since", "2099-01-01T00:00:00Z", "--settings", file, "--json").out) == {
        "sites": [],
        "counts": [],
    }


# --- without a worker -----------------------------------------------------------------------------


def test_records_lie_where_their_site_does_and_bad_lines_are_left_out(
    world: World, run: Run, file: Path, send: Any
) -> None:
    sites = [f"home-{number}" for number in range(12)]
    values = [alert(site) for site in sites]
    ran = send("alerts", *values, {"alert_id": "A1"}, alert("x", zoen="garage"), options=("--wait", "0", "--json"))

    told = json.loads(ran.out)
    assert ran.exit == 1
    assert "2 lines are no inputs of alerts" in ran.err
    assert (told["sent"], [bad["line"] for bad in told["bad"]], told["ends"]) == (12, [13, 14], [])
    found = inputs(world, "alerts")
    assert {key: number for key, number, _ in found} == {
        site: partition(site.encode(), world.settings.topics.partitions) for site in sites
    }


def test_without_a_worker_the_record_waits_and_the_command_does_not(world: World, send: Any) -> None:
    ran = send("alerts", alert("S1"), options=("--wait", "0.2"))

    assert ran.exit == 0
    assert "nothing has come of 1 of 1 yet" in ran.out
    assert "ronde worker" in ran.out


def test_what_is_not_there_is_named_with_its_topic(world: World, run: Run, file: Path) -> None:
    said = ("--reason", "why", "--operator", "zoe")
    for arguments, named in (
        (("answer", "none-c1.1", "IDENTIFIED"), f"{world.settings.topic('calls')} has no command none-c1.1"),
        (("action", "close", "none", *said), f"{world.settings.topic('decisions')} has no incident none"),
        (("sites", "show", "none"), f"{world.settings.topic('sites')} has no site none"),
        (("sites", "test", "none", "--for", "1h"), f"{world.settings.topic('sites')} has no site none"),
    ):
        ran = run(*arguments, "--settings", file)
        assert (ran.exit, ran.out) == (1, "")
        assert named in ran.err


def test_a_value_larger_than_a_record_is_a_bad_line(world: World, send: Any) -> None:
    contact = {"contact_id": "ann", "role": "OWNER", "first_name": "x" * 8000}
    large = {"site_id": "S1", "subscribed": True, "contacts": [contact] * 130}
    ran = send("sites", large, {**large, "contacts": [contact]})

    assert ran.exit == 1
    assert "line 1: TOO_LONG: the value takes more than the 1,000,000 bytes" in ran.out
    assert f"1 sent to {world.settings.topic('sites')}, 1 bad lines left out" in ran.out


def test_what_the_broker_did_not_take_is_sent_again_as_the_same_alerts(
    world: World, run: Run, file: Path, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [alert(world.site_in(0)), alert(world.site_in(1), zone=secrets.token_hex(4000)), {"alert_id": "A1"}]

    def sent_in_part(*options: str) -> Ran | None:
        ran: Ran = send("alerts", *values, options=("--wait", "0", *options))
        return ran if "the broker did not take 1 of 2 records" in ran.err else None

    alter(world.settings.client("admin"), [world.settings.topic("alerts")], "max.message.bytes", "1000")
    part = eventually(sent_in_part, "the topic takes no large records")  # holds a moment after the broker has said so
    assert (part.exit, " sent to test-" in part.out) == (1, False)
    assert "run this again with the same raised_at (--at)" in part.err
    assert "line 3: UNDECODABLE" in part.out
    match = re.search(r"2 had no raised_at; to send the same again: (--at) (2\S+)", part.out)
    assert match is not None, part.out
    at = match.groups()
    told = sent_in_part(*at, "--json")
    assert told is not None
    assert (told.out, match[0] in told.err) == ("", True)

    monkeypatch.setattr(InputEnds, "wait", _interrupted)
    stopped = send("alerts", *values[:1], options=at)
    assert stopped.exit != 0
    assert f"1 sent to {world.settings.topic('alerts')}, 0 bad lines left out" in stopped.out
    assert " ".join(at) in stopped.out
    *_, first, second, third = [value for _, number, value in inputs(world, "alerts") if number == 0]
    assert first == second == third, "the same alert"


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


# --- sites ----------------------------------------------------------------------------------------


def test_a_site_is_shown_without_what_is_personal(world: World, run: Run, file: Path) -> None:
    world.site("S1", instructions="mind the dog")
    world.put("sites", b"poison", "S1")
    ran = run("sites", "show", "S1", "--settings", file)

    assert (ran.exit, ran.err) == (0, "")
    assert "ready: its alerts go through" in ran.out
    assert "1 later records of it are dead letters" in ran.out
    assert not re.search(r"dog|\+336|rue X|argon2", ran.out)
    assert "mind the dog" in run("sites", "show", "S1", "--personal", "--settings", file).out

    world.put("sites", None, "S1")
    assert "has no site S1" in run("sites", "show", "S1", "--settings", file).err


def test_a_site_on_test_is_else_as_it_was(world: World, run: Run, file: Path) -> None:
    world.site("S1", instructions="mind the dog", updated_at=7)

    def value() -> Any:
        return json.loads(run("sites", "show", "S1", "--personal", "--settings", file, "--json").out)["value"]

    before = value()
    run("sites", "test", "S1", "--until", "2099-01-01T00:00:00Z", "--settings", file)
    assert value() == {**before, "test_until": "2099-01-01T00:00:00.000Z"}
    ended = run("sites", "test", "S1", "--end", "--settings", file)
    assert "S1 is off test" in ended.out
    assert value() == before


def test_what_the_holder_writes_meanwhile_is_not_lost(
    world: World, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.site("S1", instructions="old")
    once = iter([True])

    def meanwhile(*_: Any) -> None:
        if next(once, False):
            world.site("S1", instructions="new")

    monkeypatch.setattr(sites_on_test, "_keep_whole", meanwhile)
    assert run("sites", "test", "S1", "--for", "2h", "--settings", file).exit == 0

    shown = json.loads(run("sites", "show", "S1", "--personal", "--settings", file, "--json").out)
    assert shown["value"]["instructions"] == "new"
    assert shown["on_test"]


def test_a_site_deleted_meanwhile_stays_deleted(
    world: World, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.site("S1")
    monkeypatch.setattr(sites_on_test, "_keep_whole", lambda *_: world.put("sites", None, "S1"))
    ran = run("sites", "test", "S1", "--for", "2h", "--settings", file)

    assert ran.exit == 1
    assert "was deleted meanwhile" in ran.err
    assert "has no site S1" in run("sites", "show", "S1", "--settings", file).err


def test_nothing_is_written_behind_an_open_transaction(world: World, run: Run, file: Path) -> None:
    """A newer record of the site may lie in it, and an older one behind it would replace that for good."""
    world.site("S1", instructions="old")
    stranger = Producer(
        {**world.settings.client("producer"), "transactional.id": "crm", "partitioner": "murmur2_random"}
    )
    stranger.init_transactions(30)
    stranger.begin_transaction()
    newer = {"site_id": "S1", "subscribed": True, "contacts": [], "instructions": "new", "updated_at": 0}
    stranger.produce(world.settings.topic("sites"), encode("Site", newer), "S1")
    stranger.flush(30)
    ran = run("sites", "test", "S1", "--for", "2h", "--settings", file)
    assert ran.exit == 1
    assert "a transaction is open on" in ran.err
    stranger.commit_transaction(30)

    assert run("sites", "test", "S1", "--for", "2h", "--settings", file).exit == 0
    shown = json.loads(run("sites", "show", "S1", "--personal", "--settings", file, "--json").out)
    assert (shown["value"]["instructions"], shown["on_test"]) == ("new", True)


def inputs(world: World, topic: str) -> list[tuple[str, int, bytes]]:
    """Key, partition and value of each record of an input topic."""
    logs = Logs(world.settings)
    try:
        wanted = [(topic, number) for number in range(world.settings.topics.partitions)]
        ends = logs.offsets.high_watermarks(wanted)
        return [
            ((record.key or b"").decode(), record.partition, record.value or b"")
            for log in wanted
            for record in logs.read(Span(*log, 0, ends[log]))
        ]
    finally:
        logs.close()


def test_with_a_registry_values_are_framed_for_it_and_read_back(
    world: World, run: Run, settings_file: SettingsFile, tmp_path: Path
) -> None:
    registry = Registry()
    try:
        file = settings_file(topics={"partitions": PARTITIONS}, registry={"url": registry.url})
        lines = tmp_path / "sites.jsonl"
        lines.write_text(json.dumps({"site_id": "S1", "subscribed": True, "contacts": []}), "utf-8")
        assert run("send", "sites", lines, "--settings", file).exit == 0
        put = run("sites", "test", "S1", "--for", "2h", "--settings", file)
        assert (put.exit, put.err) == (0, "")
        assert [value[:5] for _, _, value in inputs(world, "sites")] == [registry.header("sites")] * 2
        assert json.loads(run("sites", "show", "S1", "--settings", file, "--json").out)["on_test"]

        registry.down = True
        away = settings_file(
            topics={"partitions": PARTITIONS},
            registry={"url": registry.url},
            worker={"data_dir": str(tmp_path / "new")},
        )
        told = run("send", "sites", lines, "--settings", away)
        assert (told.exit, told.out) == (1, "")
        assert "the schema registry gives no usable answer" in told.err
    finally:
        registry.close()


def test_without_the_workers_registry_an_input_is_sent_and_it_is_said_why_nothing_is_seen(
    world: World, settings_file: SettingsFile, send: Any
) -> None:
    registry = Registry()
    try:
        sections: dict[str, Any] = {"topics": {"partitions": PARTITIONS}, "worker": {"id": "a"}}
        with worker(settings_file(**sections, registry={"url": registry.url})) as process:
            process.wait_ready()
            sent = send("alerts", alert(world.site_in(1)))  # it is quarantined: nobody knows the site
        assert (sent.exit, sent.err) == (0, "")
        assert "1 sent to" in sent.out
        assert "cannot be seen from here: registry.url is not set" in sent.out
    finally:
        registry.close()
