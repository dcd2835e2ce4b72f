"""Desks beside a worker on a real broker: a call appears, is taken, a word is tried, the answer decides."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.avro.records import encode
from tests.edges.desk.conftest import StartDesk
from tests.edges.desk.floor import THREAT, WORD, code, contacts, now, stream
from tests.kafka.world import World, now_ms
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("engine")


def opened(world: World, engine: RondeProcess, site_id: str = "S1", **alert: Any) -> None:
    engine.wait_ready()
    world.site(site_id, contacts=contacts(site_id))
    world.wait_for(site_id, "readiness")
    world.alert(site_id, "A1", **alert)


def test_a_call_from_the_alert_to_the_end(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk()
    opened(world, engine)
    ann, bob = desk.operator("ann"), desk.operator("bob")
    call = ann.wait_call("S1")
    subject = call["subject"]
    assert call["contact_name"] == "Hélène Durand"
    assert call["holder"] is None

    taken = ann.take(subject)
    assert taken.status_code == 200
    assert taken.json()["holder"]["by"] == "ann"
    refused = bob.take(subject)
    assert (refused.status_code, code(refused), refused.json()["holder"]["by"]) == (409, "HELD", "ann")
    assert code(bob.word(subject, WORD)) == "HELD"
    assert code(bob.result(subject, "NO_ANSWER")) == "HELD"
    assert code(bob.take(subject, over=True)) == "HELD"

    assert code(ann.result(subject, "IDENTIFIED", "NORMAL")) == "NOT_VERIFIED"
    wrong = ann.word(subject, "emeraude")
    assert wrong.json() == {"right": False, "duress": False, "tries_left": 2}
    right = ann.word(subject, " Co-Rail ")
    assert right.json() == {"right": True, "duress": False, "tries_left": 1}
    assert code(ann.result(subject, "WRONG_CODE", "NORMAL")) == "NOT_VERIFIED"
    said = ann.result(subject, "IDENTIFIED", "NORMAL")
    assert said.status_code == 202
    assert said.json()["late"] is False
    assert said.json()["result_id"].startswith(f"{subject}-result-")
    decision = world.wait_for("S1", "decisions", rule="RESOLVED")
    assert decision["input"]["id"] == said.json()["result_id"]
    eventually(lambda: not ann.work(), "the list is empty")

    again = ann.result(subject, "IDENTIFIED", "NORMAL")
    assert (again.status_code, again.json()["late"]) == (202, False)
    assert code(ann.result(subject, "NO_ANSWER")) == "EXPIRED"
    late = ann.result(subject, "NOT_IDENTIFIED", "ABNORMAL")
    assert (late.status_code, late.json()["late"]) == (202, True)
    world.wait_for("S1", "attention", reason="CALL_FOR_HELP")

    seen = ann.incident(call["incident_id"])
    assert seen["phase"] == "CLOSED"
    assert [alert["alert_id"] for alert in seen["alerts"]] == ["A1"]
    assert seen["site"]["contacts"][0]["has_password"] is True
    assert "hash" not in str(seen)
    assert [step["text"] for step in seen["timeline"] if step["kind"] == "DECISION"][:2] == ["OPENED", "RESOLVED"]


def test_the_word_for_threat_is_the_answer(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk()
    opened(world, engine)
    ann, zoe = desk.operator("ann"), desk.operator("zoe")
    call = ann.wait_call("S1")
    subject = call["subject"]
    ann.take(subject)
    judged = ann.word(subject, THREAT)
    assert judged.json() == {"right": True, "duress": True, "tries_left": 2}
    assert code(ann.result(subject, "IDENTIFIED", "NORMAL")) == "DURESS"
    assert code(ann.result(subject, "NOT_IDENTIFIED", "NORMAL")) == "DURESS"
    world.wait_for("S1", "decisions", rule="DURESS")
    attention = ann.wait_item(lambda item: item["reason"] == "DURESS", "the attention")
    assert (attention["urgency"], attention["covert"]) == (1, True)

    incident = ann.incident(call["incident_id"])
    body = {"reason": "all is well", "key": "k1", "seen_version": incident["version"], "at": now()}
    path = f"/v1/incidents/{call['incident_id']}/close"
    assert ann.post(path, body).status_code == 403
    assert code(zoe.post(path, {**body, "seen_version": 1})) == "CHANGED"
    closed = zoe.post(path, body)
    assert closed.status_code == 202, closed.text
    world.wait_for("S1", "decisions", rule="OPERATOR_CLOSED")
    assert zoe.post(path, body).json() == closed.json()
    assert ann.post(f"/v1/attentions/{attention['subject']}/seen").status_code == 200
    eventually(lambda: not ann.work(), "the list is empty")


def test_the_next_call_is_the_holders(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    first, second = start_desk("desk-1"), start_desk("desk-2")
    opened(world, engine, kind="FIRE")
    ann, bob = first.operator("ann"), second.operator("bob")
    call = ann.wait_call("S1")
    got = ann.post("/v1/work/next")
    assert (got.status_code, got.json()["subject"]) == (200, call["subject"])
    assert bob.post("/v1/work/next").status_code == 204
    assert ann.post("/v1/work/next").json()["subject"] == call["subject"]
    assert ann.result(call["subject"], "NO_ANSWER", message_left=True).status_code == 202
    following = ann.wait_item(lambda item: item["position"] == 2 and item["holder"] is not None, "the next call, held")
    assert following["holder"]["by"] == "ann"
    assert bob.wait_call("S1", 1, 2)["holder"]["by"] == "ann"
    assert bob.take(following["subject"]).status_code == 409
    assert ann.post(f"/v1/work/{following['subject']}/release").status_code == 200
    assert bob.take(following["subject"]).status_code == 200


def test_who_may_what(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk()
    opened(world, engine, kind="HOLD_UP")
    auditor, customer, robot = desk.operator("max"), desk.operator("eve"), desk.machine("dialler")
    call = auditor.wait_call("S1")
    assert auditor.take(call["subject"]).status_code == 403
    assert customer.http.get("/v1/work").status_code == 403
    assert robot.take(call["subject"]).json()["holder"]["by"] == "dialler"
    body = {"reason": "test", "key": "k", "seen_version": 100, "at": now()}
    assert robot.post(f"/v1/incidents/{call['incident_id']}/close", body).status_code == 403
    assert robot.post("/v1/work/nothing/take").status_code == 404
    assert robot.http.get("/v1/incidents/nothing").status_code == 404
    zoe = desk.operator("zoe")
    assert zoe.take(call["subject"], over=True).json()["holder"]["by"] == "zoe"


def test_a_desk_that_starts_again_knows_it_all(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk("desk-1")
    opened(world, engine)
    ann = desk.operator("ann")
    call = ann.wait_call("S1")
    ann.take(call["subject"])
    ann.word(call["subject"], "emeraude")
    desk.kill()
    desk.start()
    ann = desk.operator("ann")
    again = ann.wait_call("S1")
    assert again["holder"]["by"] == "ann"
    assert {**again, "holder": None} == {**call, "holder": None}
    assert ann.word(call["subject"], WORD).json() == {"right": True, "duress": False, "tries_left": 1}
    assert desk.stop() == 0


def test_an_inbound_call(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk()
    opened(world, engine)
    ann, bob = desk.operator("ann"), desk.operator("bob")
    call = ann.wait_call("S1")
    found = ann.http.get("/v1/find", params={"q": "06 39 98 00 01"}).json()
    assert found["sites"][0] == {
        "site_id": "S1",
        "names": ["Hélène Durand", "Bob Durand"],
        "city": "Paris",
        "open_incidents": [call["incident_id"]],
    }
    assert [incident["incident_id"] for incident in found["incidents"]] == [call["incident_id"]]
    body = {"incident_id": call["incident_id"], "contact_id": "S1-1", "key": "k1"}
    began = ann.post("/v1/sites/S1/callbacks", body)
    assert began.status_code == 201, began.text
    callback = began.json()["callback_id"]
    assert ann.post("/v1/sites/S1/callbacks", body).json() == {"callback_id": callback}
    path = f"/v1/sites/S1/callbacks/{callback}"
    said = {"outcome": "IDENTIFIED", "situation": "NORMAL", "at": now()}
    assert code(bob.http.put(f"{path}/result", json=said)) == "HELD"
    assert code(ann.http.put(f"{path}/result", json=said)) == "NOT_VERIFIED"
    assert ann.post(f"{path}/word", {"word": WORD}).json()["right"] is True
    answer = ann.http.put(f"{path}/result", json=said)
    assert (answer.status_code, answer.json()["late"]) == (202, False)
    world.wait_for("S1", "decisions", rule="RESOLVED_BY_CALLBACK")


def test_a_close_waits_for_an_answer_until_it_has_an_end(
    world: World, engine: RondeProcess, start_desk: StartDesk
) -> None:
    desk = start_desk()
    opened(world, engine)
    ann = desk.operator("ann")
    call = ann.wait_call("S1")
    path = f"/v1/incidents/{call['incident_id']}/close"
    body = {"reason": "all is well", "seen_version": 1, "at": now()}
    engine.kill()
    result: dict[str, Any] = {field: call[field] for field in ("site_id", "incident_id")}
    result |= {"result_id": "R1", "command_id": call["subject"], "direction": "OUTBOUND", "outcome": "NOT_IDENTIFIED"}
    too_long = encode("CallResult", {**result, "detail": "x" * 9000, "ended_at": now_ms()})
    world.put("call-results", too_long, "S1")
    eventually(lambda: code(ann.post(path, {**body, "key": "k1"})) == "CHANGED", "the answer is waited for")
    desk.kill()
    desk.start()
    ann = desk.operator("ann")
    eventually(lambda: code(ann.post(path, {**body, "key": "k2"})) == "CHANGED", "it is after a restart")
    engine.start()
    eventually(lambda: ann.post(path, {**body, "key": "k3"}).status_code == 202, "the close waits for nothing more")
    assert len(world.all("dead-letters")) == 1
    world.wait_for("S1", "decisions", rule="OPERATOR_CLOSED")
    assert "CALL_RESULT" not in {seen.value["input"]["kind"] for seen in world.all("decisions") if seen.value}


def test_the_stream_tells_each_change_and_goes_on_behind_the_last_one_known(
    world: World, engine: RondeProcess, start_desk: StartDesk
) -> None:
    desk = start_desk()
    ann, robot = desk.operator("ann"), desk.machine("dialler")
    engine.wait_ready()
    events = stream(robot)
    first_id, name, age = next(event for event in events if event[1] == "age")
    assert (name, age["partitions"]) == ("age", [])
    opened(world, engine)
    _, _, item = next(event for event in events if event[1] == "work")
    assert (item["site_id"], item["item"], item["holder"]) == ("S1", "CALL", None)
    ann.take(item["subject"])
    _, _, held = next(event for event in events if event[1] == "work" and event[2]["holder"])
    assert held["holder"]["by"] == "ann"
    ann.result(item["subject"], "NOT_IDENTIFIED", "ABNORMAL")
    _, _, gone = next(event for event in events if event[1] == "gone")
    assert gone == {"subject": item["subject"]}
    _, _, incident = next(event for event in events if event[1] == "incident" and event[2]["phase"] == "DISPATCHED")
    assert incident["incident_id"] == item["incident_id"]
    events.close()
    again = [event[1] for event, _ in zip(stream(ann, first_id), range(4), strict=False)]
    assert "work" in again
    assert next(stream(ann, "another-1"))[1] == "reset"
