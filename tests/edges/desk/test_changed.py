"""Closing and sending a guard while the engine is yet to decide on what was said: over its core and without Kafka."""

from __future__ import annotations

import time
from functools import partial

import httpx
import pytest

from edges.desk import rules
from edges.desk.progress import AWAITED_SECONDS
from edges.desk.reader import NotReadError
from edges.desk.state import DeskState
from edges.web.values import write_instant
from tests.edges.desk.floor import code
from tests.edges.desk.memory import Floor, MemoryDesk, now_ms
from tests.edges.desk.scene import read

pytestmark = pytest.mark.asyncio


def read_undecided(desk: MemoryDesk, topic: str = "call-results") -> None:
    """Read a topic's last record, whose decision is still to come."""
    place, data = next(record for record in reversed(desk.scene.records) if record[0].topic == topic)
    desk.state.apply(place._replace(read_at=time.monotonic()), read(topic)(data), data)


def undecided_answer(desk: MemoryDesk, operator: str) -> str:
    """An incident on whose first call somebody asked for help; the engine has yet to decide on it."""
    incident = desk.alarm()
    desk.scene.result(0, f"{incident}-c1.1", "NOT_IDENTIFIED", "ABNORMAL", operator=operator)
    read_undecided(desk)
    return incident


async def test_who_closes_before_the_engine_has_decided_on_an_answer_looks_again(
    desk: MemoryDesk, floor: Floor
) -> None:
    incident = undecided_answer(desk, "bob")
    body = {"reason": "all is well", "key": "k1", "at": write_instant(now_ms())}

    async def close(seen_version: int, at: str = f"incidents/{incident}/close") -> httpx.Response:
        return await floor.ann.http.post(f"/v1/{at}", json=body | {"seen_version": seen_version})

    for refused in (await close(1), await close(1, "sites/S1/dispatch")):
        assert (refused.status_code, code(refused), refused.json()["version"]) == (409, "CHANGED", 1)
    known = desk.state.incidents[incident]

    def news(after: float, *, to_close: bool) -> int:
        at = time.monotonic() + after
        return known.news(partial(desk.state.progress[0].is_awaited, monotonic=at, until_passed_over=to_close))

    assert (news(0, to_close=True), news(0, to_close=False)) == (2, 2)
    assert news(AWAITED_SECONDS, to_close=False) == 1, "a guard is not kept waiting for long"
    assert news(AWAITED_SECONDS, to_close=True) == 2, "an engine that stands still will decide on it"
    desk.catch_up()
    assert not known.awaited
    assert code(await close(1)) == "CHANGED"
    assert (await close(known.version)).status_code == 202
    again = DeskState(1)
    for place, data in sorted(desk.scene.records, key=lambda one: one[0].topic != "decisions"):
        if place.topic in {"decisions", "call-results", "operator-actions"}:
            again.apply(place, read(place.topic)(data), data)
    assert (again.incidents[incident].awaited, again.incidents[incident].decided) == ({}, frozenset())


async def test_who_sends_a_guard_upon_what_they_said_themselves_is_not_kept_waiting(
    desk: MemoryDesk, floor: Floor
) -> None:
    incident = undecided_answer(desk, "ann")
    body = {"reason": "she cried for help", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    assert code(await floor.bob.http.post(f"/v1/incidents/{incident}/dispatch", json=body)) == "CHANGED"
    assert code(await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body | {"key": "k0"})) == "CHANGED"
    assert (await floor.ann.http.post(f"/v1/incidents/{incident}/dispatch", json=body)).status_code == 202
    read_undecided(desk, "operator-actions")
    again = await floor.ann.http.post(f"/v1/incidents/{incident}/dispatch", json=body | {"key": "k2"})
    assert code(again) == "CHANGED", "a guard is on the way to being sent"


async def test_a_supervisor_closes_what_the_engine_does_not_decide_on(desk: MemoryDesk, floor: Floor) -> None:
    incident = undecided_answer(desk, "bob")
    body = {"reason": "all is well", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    assert code(await floor.zoe.http.post(f"/v1/incidents/{incident}/close", json=body)) == "CHANGED"
    for one in [*desk.state.incidents[incident].awaited.items()]:
        desk.state.incidents[incident].awaited[one[0]] = one[1]._replace(read_at=time.monotonic() - AWAITED_SECONDS)
    assert code(await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body)) == "CHANGED"
    assert (await floor.zoe.http.post(f"/v1/incidents/{incident}/close", json=body)).status_code == 202


def decide_later(desk: MemoryDesk, seconds: float) -> None:
    """Read a decision on something else, made so much later."""
    place, data = next(record for record in reversed(desk.scene.records) if record[0].topic == "decisions")
    later = place._replace(timestamp=place.timestamp + round(seconds * 1000))
    decision = read("decisions")(data)
    ref = decision.input._replace(kind="ALERT", id="A9", topic="alerts")
    desk.state.apply(later, decision._replace(incident_id="beef", site_id="S9", input=ref), data)


async def test_who_closes_behind_an_outage_looks_again_until_the_engine_comes_to_the_answer(
    desk: MemoryDesk, floor: Floor
) -> None:
    incident = undecided_answer(desk, "bob")
    body = {"reason": "all is well", "seen_version": 1, "at": write_instant(now_ms())}

    async def close(key: str) -> httpx.Response:
        return await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body | {"key": key})

    for number in range(3):
        decide_later(desk, 1800 + number)
        assert code(await close(f"k{number}")) == "CHANGED"
    desk.state.progress[0].bury("call-results", 0)
    assert (await close("k9")).status_code == 202


async def test_who_closes_hears_what_another_desk_has_just_taken(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    body = {"reason": "all is well", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    path = f"/v1/incidents/{incident}/close"

    async def read_the_answer(_: int) -> None:
        desk.scene.result(0, f"{incident}-c1.1", "NOT_IDENTIFIED", "ABNORMAL")  # it was in Kafka, and not read yet
        read_undecided(desk)

    async def read_nothing(_: int) -> None:
        raise NotReadError

    for hear, refusal in ((read_nothing, "UNCONFIRMED"), (read_the_answer, "CHANGED")):
        monkeypatch.setattr(desk.reader, "said_to_the_end", hear)
        assert code(await floor.zoe.http.post(path, json=body)) == refusal
    assert not desk.scene.values("operator-actions")


async def test_a_close_that_another_desk_has_taken_is_said_again(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    action_id = rules.action_id(incident, "CLOSE", "k1")

    async def read_the_close(_: int) -> None:
        desk.scene.action(0, "CLOSE", incident, action_id)  # it was in Kafka, and not read yet
        read_undecided(desk, "operator-actions")

    monkeypatch.setattr(desk.reader, "said_to_the_end", read_the_close)
    body = {"reason": "all is well", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    again = await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body)
    assert (again.status_code, again.json()) == (202, {"action_id": action_id})
    assert len(desk.scene.values("operator-actions")) == 1


async def test_an_answer_that_was_a_dead_letter_and_is_put_back_is_awaited_again(
    desk: MemoryDesk, floor: Floor
) -> None:
    incident = undecided_answer(desk, "bob")
    body = {"reason": "all is well", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    desk.state.progress[0].bury("call-results", 0)
    place, data = next(record for record in reversed(desk.scene.records) if record[0].topic == "call-results")
    desk.state.apply(place._replace(offset=1, read_at=time.monotonic()), read("call-results")(data), data)
    assert code(await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body)) == "CHANGED"
    desk.state.progress[0].bury("call-results", 1)
    assert (await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body)).status_code == 202


async def test_who_closes_before_the_engine_has_sent_the_homes_guard_looks_again(
    desk: MemoryDesk, floor: Floor
) -> None:
    fire = desk.alarm(kind="FIRE")
    incident = desk.alarm(alert_id="A2")
    desk.scene.action(0, "DISPATCH", None)
    read_undecided(desk, "operator-actions")
    body = {"reason": "all is well", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    assert code(await floor.bob.http.post(f"/v1/incidents/{incident}/close", json=body)) == "CHANGED"
    assert (await floor.bob.http.post(f"/v1/incidents/{fire}/close", json=body)).status_code == 202
    assert not desk.state.incidents[incident].awaited
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()["timeline"]
    assert [step["record"]["action_id"] for step in shown if step["kind"] == "ACTION"] == ["O1"]
