"""A site that the engine set aside: its incidents have ended, and no decision says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edges.desk.answers import PastIncident, SiteHistory
from edges.desk.history import History
from edges.desk.state import DAY_MS
from edges.values import Decision
from streams.escalation.step import set_aside_attention
from streams.escalation.values import Source
from tests.edges.desk.floor import code
from tests.edges.desk.memory import Floor, MemoryDesk, called, now_ms
from tests.edges.desk.scene import T0, Desk, Recorded, Scene, handed_over, opened, read

ORDERS: dict[str, Callable[[Recorded], bool]] = {
    "as it came": lambda _record: True,
    "decisions first": lambda record: record[0].topic != "decisions",
    "attentions first": lambda record: record[0].topic != "attention",
}


def set_aside(scene: Scene, at: float, site_id: str = "S1") -> str:
    """Have a site set aside; return the attention's id."""
    scene.now = T0 + round(at * 1000)
    attention = set_aside_attention(site_id, None, Source("state", 0, 7), scene.now)
    scene._add("attention", attention)
    return attention.attention_id


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_open_has_ended(order: str) -> None:
    scene, incident = opened()
    attention = set_aside(scene, 20)
    desk = Desk(sorted(scene.records, key=ORDERS[order]), at=21)
    assert desk.subjects() == [attention]
    assert list(desk.state.open_incidents()) == []
    desk.update(3600)
    assert desk.work.forgotten == set()
    known = desk.state.incidents[incident]
    assert (known.phase, known.closed_at, known.ended_at) == ("CALLING", None, T0 + 20_000)
    assert not known.was_open(T0 + 21_000)


def test_a_deadline_that_was_forgotten_before_stands_no_more() -> None:
    scene, incident = opened()
    desk = Desk(scene.records, at=3600)
    assert desk.work.forgotten == {incident}
    read_so_far = len(scene.records)
    set_aside(scene, 3601)
    desk.read(scene.records[read_so_far:])
    desk.update(3602)
    assert desk.work.forgotten == set()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("at", "partition"), [(20, 0), (21, 0), (9, 0), (20, 1)])
def test_what_begins_then_or_elsewhere_goes_on(at: int, partition: int, order: str) -> None:
    scene, first = opened()
    if at != 9:
        set_aside(scene, 20)
        scene.alert(at, "FIRE", "A2")
    else:
        set_aside(scene, 9)
    if partition:
        scene.records = [
            (place._replace(partition=1), data)
            if place.topic == "decisions" and read(place.topic)(data).incident_id == first
            else (place, data)
            for place, data in scene.records
        ]
    desk = Desk(sorted(scene.records, key=ORDERS[order]), at=22)
    still = {scene.incident_id, first} if partition else {scene.incident_id}
    assert {incident.id for incident in desk.state.open_incidents("S1")} == still
    desk.update(3600)
    assert desk.work.forgotten == still


def test_what_was_handed_over_and_seen_is_no_work_any_more() -> None:
    scene, _ = handed_over()
    (attention,) = Desk(scene.records, at=21).subjects()
    scene.event(22, "ATTENTION_SEEN", attention)
    assert Desk(scene.records, at=23).subjects() == [attention]
    failed = set_aside(scene, 24)
    assert Desk(scene.records, at=25).subjects() == [failed]
    scene.event(26, "ATTENTION_SEEN", failed)
    assert Desk(scene.records, at=27).subjects() == []


def test_it_is_forgotten_after_a_day_unless_it_goes_on() -> None:
    scene, incident = opened()
    set_aside(scene, 20)
    (decision,) = [value for value in scene.values("decisions") if isinstance(value, Decision)]
    for version, goes_on in ((1, False), (2, True)):
        desk = Desk(scene.records, at=21)
        later = Scene()
        later.now = T0 + 30_000
        if goes_on:
            later._add("decisions", decision._replace(version=version, at=later.now, decision_id=f"{incident}-v2"))
        later.now = T0 + 25_000 + DAY_MS
        for number, phase in ((1, "CALLING"), (2, "CLOSED")):
            other = decision._replace(
                incident_id="other", site_id="S2", version=number, at=later.now, phase_to=phase, outputs=()
            )
            later._add("decisions", other)
        desk.read(later.records)
        assert (incident in desk.state.incidents) is goes_on
        assert [open_.id for open_ in desk.state.open_incidents()] == [incident] * goes_on
        assert desk.state.set_aside._at == {}


@pytest.mark.asyncio
async def test_its_page_says_so(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    incident = command.partition("-")[0]
    path = f"/incidents/{incident}"
    page = (await floor.zoe.http.get(path)).text
    assert ">Calling<" in page
    assert "Send a guard…" in page
    desk.scene._add("attention", set_aside_attention("S1", None, Source("state", 0, 7), now_ms() + 1))
    desk.catch_up()
    for page in ((await floor.zoe.http.get(path)).text, (await floor.zoe.http.get("/find", params={"q": "S1"})).text):
        assert "Set aside by the engine" in page
        assert ">Calling<" not in page
        assert "Send a guard…" not in page
    shown = (await floor.zoe.http.get(f"/v1{path}")).json()
    assert shown["set_aside_at"] is not None
    body = {"reason": "over", "key": "k1", "seen_version": shown["version"], "at": shown["opened_at"]}
    assert code(await floor.zoe.http.post(f"/v1{path}/close", json=body)) == "CHANGED"
    assert desk.scene.values("operator-actions") == []


@pytest.mark.asyncio
async def test_the_history_of_its_home_says_so(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    past = PastIncident(
        incident_id="before", phase="CALLING", alerts=1, calls=2, dispatches=0, opened_at=T0, set_aside_at=T0 + 60_000
    )

    async def of_site(_: History, _site_id: str) -> SiteHistory:
        return SiteHistory(source="LEDGER", incidents=[past])

    monkeypatch.setattr(History, "of_site", of_site)
    page = (await floor.zoe.http.get("/sites/S1/history")).text
    assert ">Set aside by the engine<" in page
    assert ">Calling<" not in page
    assert "2026-01-01 00:01" in page
