"""Incidents that have ended are packed, and nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from edges.desk.incident import Incident
from edges.desk.wallboard import FirstCallCount, first_calls
from edges.desk.work import WorkList
from service.objectives import ObjectiveSettings
from tests.edges.desk.memory import Floor, MemoryDesk
from tests.edges.desk.scene import T0, Desk, Recorded, Scene, contact

TOPICS = ("decisions", "calls", "call-results", "attention", "dispatches", "dispatch-reports", "operator-actions")


@pytest.fixture
def night() -> Scene:
    """Ten incidents that end, one after the other, and one that does not."""
    scene = Scene()
    for number in range(11):
        scene.site(f"S{number}", contact("ann"), contact("bob"))
        scene.alert(100 * number, "FIRE" if number % 2 else "INTRUSION", f"A{number}", f"S{number}")
        call = scene.values("calls")[-1].command_id
        scene.claim(100 * number + 7, "TAKE", call, site_id=f"S{number}")
        if number < 10:
            scene.result(100 * number + 20, call, "IDENTIFIED", "NORMAL", site_id=f"S{number}")
    return scene


def by_topic(scene: Scene) -> list[Recorded]:
    """Records, topic by topic."""
    return sorted(
        scene.records, key=lambda record: TOPICS.index(record[0].topic) if record[0].topic in TOPICS else len(TOPICS)
    )


def whole(incident: Incident) -> dict[str, Any]:
    values = {name: getattr(incident, name) for name in Incident.__slots__}
    return values | {"kept": sorted(values["kept"])}


def read(monkeypatch: pytest.MonkeyPatch, records: Iterable[Recorded], at_hand: int) -> Desk:
    monkeypatch.setattr("edges.desk.incidents.AT_HAND", at_hand)
    return Desk(records, at=1030)


def test_a_desk_that_packs_knows_the_same(monkeypatch: pytest.MonkeyPatch, night: Scene) -> None:
    expected = read(monkeypatch, night.records, 1000)
    now = T0 + 1_030_000
    for records in (night.records, by_topic(night)):
        packing = read(monkeypatch, records, 2)
        assert len(packing.state.incidents.at_hand) == 3
        assert len(packing.state.incidents) == len(expected.state.incidents) == 11
        assert packing.items() == expected.items()
        assert [one.id for one in packing.state.open_incidents()] == [one.id for one in expected.state.open_incidents()]
        assert not any(packing.state.open_incidents("S0"))
        counts = [first_calls(desk.state, ObjectiveSettings(), now) for desk in (packing, expected)]
        assert asyncio.run(counts[0]) == asyncio.run(counts[1])
        assert len(packing.state.incidents.at_hand) == 3, "nothing was unpacked for that"
        for incident_id, incident in expected.state.incidents.items():
            assert whole(packing.state.incidents[incident_id]) == whole(incident)
        assert len(packing.state.incidents.at_hand) == 11


def test_what_the_list_has_not_seen_the_end_of_is_not_packed(monkeypatch: pytest.MonkeyPatch, night: Scene) -> None:
    desk = read(monkeypatch, (), 0)
    phases: dict[str, str | None] = {}
    listed: set[str] = set()

    def hear(name: str, value: Any) -> None:
        if name == "incident":
            phases[value.id] = value.phase
        elif name == "gone":
            listed.remove(value)
        else:
            listed.add(value.subject)

    desk.work = WorkList(desk.state, hear)
    for number, (place, data) in enumerate(night.records):
        desk.read([(place, data)])
        if number % 15 == 0:
            desk.update((place.timestamp - T0) / 1000)
    desk.update(1030)
    assert sorted(phases.values(), key=str) == ["CALLING", *["CLOSED"] * 10]
    assert listed == set(desk.subjects())
    desk.read(night.records[-1:])
    assert len(desk.state.incidents.at_hand) == 1


@pytest.mark.asyncio
async def test_first_calls_are_counted_once_for_all_and_leave_others_their_turn(
    monkeypatch: pytest.MonkeyPatch, night: Scene
) -> None:
    monkeypatch.setattr("edges.desk.wallboard._AT_ONCE", 2)
    desk = read(monkeypatch, night.records, 2)
    now = T0 + 1_030_000
    counted = FirstCallCount(desk.state, ObjectiveSettings())
    both = [asyncio.create_task(counted.rows(now)) for _ in range(2)]
    turns = 0
    while not both[0].done():
        await asyncio.sleep(0)
        turns += 1
        for incident_id in [*desk.state.incidents][:turns]:  # amid the count some are unpacked, and one is dropped
            assert desk.state.incidents[incident_id].id == incident_id
    assert turns > 4
    rows = await both[0]
    assert [(row.kind, row.calls) for row in rows] == [("FIRE", 5), ("INTRUSION", 6)]
    assert await both[1] is rows
    night.alert(1040, "FIRE", "A11", "S1")
    desk.read(night.records)
    assert await counted.rows(now + 200_000) is rows
    monkeypatch.setattr("edges.desk.wallboard.COUNTED_SECONDS", 0.0)
    assert [row.calls for row in await counted.rows(now + 200_000)] == [6, 6]


@pytest.mark.asyncio
async def test_a_late_word_for_an_incident_that_is_packed_counts(
    monkeypatch: pytest.MonkeyPatch, desk: MemoryDesk, floor: Floor
) -> None:
    command = f"{desk.alarm()}-c1.1"
    incident = desk.scene.incident_id
    assert (await floor.ann.take(command)).status_code == 200
    desk.scene.action(0, "CLOSE", incident)
    desk.catch_up()
    before = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    monkeypatch.setattr("edges.desk.incidents.AT_HAND", 0)
    desk.home("S2")
    desk.alarm("S2", alert_id="A2")
    assert incident in desk.state.incidents
    assert incident not in desk.state.incidents.at_hand
    after = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    assert {**after, "holders": None} == {**before, "holders": None}
    said = await floor.ann.result(command, "DURESS_CODE")
    assert (said.status_code, said.json()["late"]) == (202, True)
    assert desk.state.incidents[incident].is_duress


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch, night: Scene) -> None:
    monkeypatch.setattr("edges.desk.state.CLOSED_KEPT", 4)
    state = read(monkeypatch, night.records, 2).state
    assert [incident.site_id for incident in state.incidents.values()] == ["S8", "S9", "S10", "S6", "S7"]
    assert "S5" not in state.of_site
