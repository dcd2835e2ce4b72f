"""A desk while Kafka is frozen, a desk that is killed amid its work, and where a desk begins to read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from confluent_kafka import KafkaException, Producer

from edges.desk.reader import ENGINE
from edges.kafka.lookback import DAY_MS, SKEW_MS, Openings, starts
from edges.values import Decision, InputRef
from ronde.shared.whole_settings import WholeSettings
from schemas.contract import murmur2
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile
from tests.edges.desk.conftest import StartDesk
from tests.edges.desk.floor import (
    ANSWERED_SECONDS,
    PARTITIONS,
    WORD,
    DeskProcess,
    OperatorClient,
    code,
    contacts,
    people,
    written,
)
from tests.edges.desk.scene import read, write
from tests.kafka.world import World, now_ms
from tests.machine import stretched
from tests.support.ronde_process import RondeProcess
from tests.support.supervised import supervised
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka


def decision(incident: str, version: int, at: int, phase: str = "CALLING", site_id: str = "S1") -> Decision:
    ref = InputRef("DEADLINE", incident, None, None, None)
    return Decision(
        f"{incident}-v{version}", incident, "security/1", site_id, version, at, ref, None, "MERGED", phase, phase,
        1, 1, None, None, (),
    )  # fmt: skip


# --- where it begins ----------------------------------------------------------------------------------------------


def test_each_open_incident_is_whole_once_its_first_decision_is_read() -> None:
    openings = Openings()
    wholes = [openings.is_whole]
    for record in (decision("a", 3, 50), decision("a", 4, 60, "CLOSED"), decision("b", 2, 70)):
        openings.add(record)
        wholes.append(openings.is_whole)
    assert wholes == [True, False, True, False]
    assert openings.begins(99) == 70
    openings.add(decision("b", 1, 40))
    assert openings.is_whole
    assert openings.begins(99) == 40
    assert Openings().begins(99) == 99


@pytest.mark.parametrize(("opened_days_ago", "is_closed"), [(0.5, False), (3.0, False), (3.0, True)])
def test_a_desk_reads_each_open_incident_from_its_beginning(
    settings_file: SettingsFile, tmp_path: Path, opened_days_ago: float, is_closed: bool
) -> None:
    made = load(settings_file(topics={"partitions": PARTITIONS}), {}, WholeSettings)
    create(made)
    connection = made.for_edge("desk", "test", tmp_path)
    home = murmur2.partition(b"S1", PARTITIONS)
    now = now_ms()
    opened = now - int(opened_days_ago * DAY_MS)
    records = [decision("old", 1, now - 9 * DAY_MS), decision("old", 2, now - 9 * DAY_MS, "CLOSED")]
    records += [decision("long", 1, opened)]
    records += [decision("long", version, opened + version) for version in range(2, 5)]
    records += [decision("long", 5, now - 1000, "CLOSED" if is_closed else "CALLING")]
    producer = Producer({**connection.producer, "acks": "all"})
    for record in records:
        producer.produce(
            connection.topic("decisions"), write("decisions")(record), b"S1", partition=home, timestamp=record.at
        )
    for at in (opened - 2 * SKEW_MS, opened - 1000, now):
        producer.produce(connection.topic("calls"), b"x", b"S1", partition=home, timestamp=at)
    for at in (now - 8 * DAY_MS, opened - 1000, now - 2 * DAY_MS + 1000, now):
        producer.produce(connection.topic("desk-log"), b"x", b"S1", partition=home, timestamp=at)
    assert producer.flush(30) == 0

    def ask() -> dict[str, dict[int, int]] | None:
        with suppress(KafkaException):  # fresh topics are without a leader for a while: a desk asks again, too
            at_latest = {"desk-log": now - 2 * DAY_MS}
            return starts(connection, (*ENGINE, "desk-log"), read("decisions"), at_latest=at_latest)
        return None

    found = eventually(ask, "where to begin")
    assert found["decisions"][home] == (2 if not is_closed else 6)
    if opened_days_ago > 1:
        assert found["calls"][home] == (1 if not is_closed else 2)
        assert found["desk-log"][home] == (1 if not is_closed else 2)
    else:
        assert found["desk-log"][home] == 1
    empty = (home + 1) % PARTITIONS
    assert found["decisions"][empty] == 0
    alone = starts(connection, (*ENGINE, "desk-log"), read("decisions"), partitions=[home])
    assert {*alone} == {*found}
    assert [{*of_topic} for of_topic in alone.values()] == [{home}] * len(alone)
    assert alone["decisions"][home] == found["decisions"][home]


# --- Kafka frozen -------------------------------------------------------------------------------------------------


@pytest.fixture
def frozen_floor(
    patient_broker: Kafka, settings_file: SettingsFile, tmp_path: Path, prefix: str, client_log: Any
) -> Iterator[tuple[World, DeskProcess, RondeProcess]]:
    """A desk and a worker on a broker that may be frozen."""
    kafka: dict[str, Any] = {"kafka": {"bootstrap.servers": patient_broker.bootstrap_servers}}
    path = settings_file(topics={"partitions": PARTITIONS}, worker={"catch_up_seconds": 1}, **kafka)
    made = load(path, {})
    create(made)
    people(tmp_path, ann="operator", bob="operator")
    world = World(made, client_log)
    engine = RondeProcess("worker", ["worker", "--settings", path], path.with_suffix(".log"))
    desk = DeskProcess("desk-1", settings_file, tmp_path, **kafka)
    engine.start()
    desk.start()
    # A transaction that stands still though the broker is back ends the engine (docs/reliability.md §1).
    with supervised(lambda: [engine]):
        yield world, desk, engine
    patient_broker.resume()
    desk.close()
    engine.kill()
    world.close()


def test_a_frozen_broker(frozen_floor: tuple[World, DeskProcess, RondeProcess], patient_broker: Kafka) -> None:
    world, desk, engine = frozen_floor
    engine.wait_ready()
    world.site("S1", contacts=contacts("S1"))
    world.wait_for("S1", "readiness")
    world.alert("S1", "A1")
    ann = desk.operator("ann")
    subject = ann.wait_call("S1")["subject"]
    assert ann.take(subject).status_code == 200
    world.site("S2", contacts=contacts("S2"))
    world.wait_for("S2", "readiness")
    world.alert("S2", "A2")
    other = ann.wait_call("S2")["subject"]
    assert ann.take(other).status_code == 200
    assert ann.word(other, WORD).json()["right"] is True
    patient_broker.pause()
    try:
        began = time.monotonic()
        refused = ann.word(subject, WORD)
        assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")
        assert time.monotonic() - began < stretched(ANSWERED_SECONDS)
        began = time.monotonic()
        refused = ann.result(other, "IDENTIFIED", "NORMAL")
        assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")
        assert time.monotonic() - began < stretched(ANSWERED_SECONDS)
        eventually(lambda: not desk.is_ready(), "the desk says that it is behind")
        assert code(ann.take(subject)) == "STALE"
        assert len(ann.work()) == 2
    finally:
        patient_broker.resume()
    desk.wait_ready()
    eventually(lambda: ann.take(subject).status_code == 200, "she takes it again")
    assert ann.word(subject, WORD).json()["right"] is True
    said = ann.result(subject, "IDENTIFIED", "NORMAL")
    assert said.status_code == 202
    world.wait_for("S1", "decisions", rule="RESOLVED" if not said.json()["late"] else "RESOLVED_BY_CALLBACK")
    assert ann.result(other, "IDENTIFIED", "NORMAL").status_code == 202
    world.wait_for("S2", "decisions", phase_to="CLOSED")


def test_a_word_that_is_said_again_beside_a_frozen_broker_is_one_try(
    frozen_floor: tuple[World, DeskProcess, RondeProcess], patient_broker: Kafka
) -> None:
    world, desk, engine = frozen_floor
    engine.wait_ready()
    ann = desk.operator("ann")
    calls = {}
    for site_id in ("S1", "S2"):
        world.site(site_id, contacts=contacts(site_id))
        world.wait_for(site_id, "readiness")
        world.alert(site_id, f"A-{site_id}")
        calls[site_id] = ann.wait_call(site_id)["subject"]
        assert ann.take(calls[site_id]).status_code == 200
        ann.incident(calls[site_id].partition("-")[0])  # its page: the desk has the contact's record then
    wrong, right = calls.values()
    patient_broker.pause()
    try:
        for subject, word in ((wrong, "no"), (wrong, "no"), (wrong, "no"), (right, WORD)):
            assert code(ann.word(subject, word)) == "UNCONFIRMED"
    finally:
        patient_broker.resume()
    desk.wait_ready()
    for subject in calls.values():
        eventually(partial(_takes, ann, subject), "she takes it again")
    assert ann.word(wrong, WORD).json() == {"right": True, "duress": False, "tries_left": 1}
    assert ann.word(right, WORD).json() == {"right": True, "duress": False, "tries_left": 2}
    tried = [(event.site_id, event.detail) for event in written(world, "desk-log") if event.action == "WORD_TRIED"]
    assert sorted(tried) == [("S1", "RIGHT"), ("S1", "WRONG"), ("S2", "RIGHT")]


# --- killed -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("engine")
def test_a_desk_killed_amid_a_result_says_it_once(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk("desk-1")
    other = start_desk("desk-2")
    engine.wait_ready()
    for number in range(4):
        site_id = f"S{number}"
        world.site(site_id, contacts=contacts(site_id))
        world.wait_for(site_id, "readiness")
        world.alert(site_id, "A1")
        ann = desk.operator("ann")
        subject = ann.wait_call(site_id)["subject"]
        assert ann.take(subject).status_code == 200
        assert ann.word(subject, WORD).json()["right"] is True
        body = {"outcome": "IDENTIFIED", "situation": "NORMAL", "at": "2026-01-01T00:00:00.000Z"}
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(_put, ann, subject, body)
            time.sleep(0.004 * number)
            desk.kill()
            first = pending.result()
        again = other.operator("ann")
        second = again.http.put(f"/v1/calls/{subject}/result", json=body)
        assert second.status_code == 202, second.text
        if first is not None:
            assert first.status_code == 202
            assert first.json()["result_id"] == second.json()["result_id"]
        world.wait_for(site_id, "decisions", rule="RESOLVED")
        assert world.rules(site_id).count("RESOLVED") == 1
        desk.start()


def _takes(client: OperatorClient, subject: str) -> bool:
    return client.take(subject).status_code == 200


def _put(client: OperatorClient, subject: str, body: dict[str, Any]) -> httpx.Response | None:
    try:
        return client.http.put(f"/v1/calls/{subject}/result", json=body)
    except httpx.TransportError:
        return None
