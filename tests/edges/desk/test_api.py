"""The API's rules, over the engine's own core and without Kafka."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edges.desk.claims import Hold
from edges.kafka.errors import KafkaAwayError
from edges.web.values import write_instant
from schemas.contract.content_ids import result_id
from tests.edges.desk.floor import THREAT, WORD, code
from tests.edges.desk.memory import Floor, MemoryDesk, called, frozen, now_ms
from tests.edges.desk.scene import contact

pytestmark = pytest.mark.asyncio


async def test_three_words_a_call(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    left = [(await floor.ann.word(command, f"wrong {number}")).json()["tries_left"] for number in range(3)]
    assert left == [2, 1, 0]
    refused = await floor.ann.word(command, WORD)
    assert (refused.status_code, code(refused)) == (409, "NO_TRIES_LEFT")
    assert (await floor.ann.result(command, "WRONG_CODE", "NORMAL")).status_code == 202


async def test_ten_wrong_words_an_hour(desk: MemoryDesk, floor: Floor) -> None:
    for number in range(10):
        desk.scene.event(0, "WORD_TRIED", f"other-{number}", "WRONG")
    command = await called(desk, floor)
    refused = await floor.ann.word(command, WORD)
    assert (refused.status_code, code(refused)) == (403, "TOO_MANY_WRONG_WORDS")
    assert (await floor.zoe.take(command, over=True)).status_code == 200
    assert (await floor.zoe.word(command, WORD)).json()["right"] is True


async def test_a_hash_of_unknown_form(desk: MemoryDesk, floor: Floor) -> None:
    desk.scene.site("S1", contact("ann", hash_="$2b$12$unknown"))
    command = await called(desk, floor)
    refused = await floor.ann.word(command, WORD)
    assert (refused.status_code, code(refused)) == (422, "UNREADABLE_HASH")
    assert command not in desk.state.tries


async def test_a_word_is_that_of_the_record_that_decisions_named(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    desk.scene.site("S1", contact("hélène", hash_="$argon2id$none"))  # edited since: no decision named it
    desk.catch_up()
    assert (await floor.ann.word(command, WORD)).json()["right"] is True


async def test_expired_and_late(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    assert (await floor.ann.result(command, "NO_ANSWER")).json()["late"] is False
    refused = await floor.ann.result(command, "NO_ANSWER", detail="busy")
    assert (refused.status_code, code(refused)) == (409, "EXPIRED")
    corrected = await floor.ann.result(command, "NOT_IDENTIFIED", "ABNORMAL")
    assert (corrected.status_code, corrected.json()["late"]) == (202, True)
    assert [value.rule for value in desk.scene.values("decisions")][-1] == "CONFIRMED_ABNORMAL"


async def test_the_same_again_is_the_same(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk):
        refused = await floor.ann.result(command, "NO_ANSWER", message_left=True)
        assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")
    first = await floor.ann.result(command, "NO_ANSWER", message_left=True)
    again = await floor.ann.result(command, "NO_ANSWER", message_left=True)
    assert first.json() == again.json()
    assert [value.rule for value in desk.scene.values("decisions")] == ["OPENED", "NEXT_CONTACT"]


async def test_a_word_for_threat_is_written_before_it_is_said(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk):
        refused = await floor.ann.word(command, THREAT)
        assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")
    judged = await floor.ann.word(command, THREAT)
    assert judged.json() == {"right": True, "duress": True, "tries_left": 2}
    (result,) = desk.scene.values("call-results")
    assert (result.outcome, result.situation, result.command_id) == ("DURESS_CODE", "UNKNOWN", command)
    assert result.result_id == result_id(command, "DURESS_CODE", "UNKNOWN", None, message_left=False)
    for outcome in ("IDENTIFIED", "NOT_IDENTIFIED", "NO_ANSWER", "WRONG_CODE"):
        assert code(await floor.ann.result(command, outcome)) == "DURESS"
    assert (await floor.ann.result(command, "DURESS_CODE")).status_code == 202


async def test_who_holds_it_and_who_may_take_over(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    before = desk.reader.reads
    assert code(await floor.bob.word(command, WORD)) == "HELD"
    assert desk.reader.reads > before  # read to the end before it is refused
    assert code(await floor.bob.take(command, over=True)) == "HELD"
    refused = await floor.bob.http.post(f"/v1/work/{command}/release")
    assert (code(refused), refused.json()["holder"]["by"]) == ("HELD", "ann")
    log = desk.state.claims[0]
    hold = log.holder(command)
    assert isinstance(hold, Hold)
    log._holds[command] = hold._replace(heard=hold.heard - 31_000)
    assert (await floor.bob.take(command, over=True)).json()["holder"]["by"] == "bob"
    assert (await floor.ann.result(command, "NO_ANSWER")).status_code == 202  # who held it may say
    assert code(await floor.robot.result(command, "NO_ANSWER")) in {"HELD", "NOT_HELD"}
    for _ in range(2):
        released = await floor.bob.http.post(f"/v1/work/{command}/release")
        assert (released.status_code, released.json()) == (200, {"holder": None})


async def test_a_view_that_is_old_takes_nothing(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise KafkaAwayError

    assert (await floor.bob.http.post("/v1/work/next")).status_code == 204
    desk.reader.age_seconds = 5.5
    assert code(await floor.bob.http.post("/v1/work/next")) == "STALE"  # there may be work that it does not see
    desk.reader.age_seconds = 0.0
    command = await called(desk, floor)
    monkeypatch.setattr(desk.records, "site", away)
    incident = command.partition("-")[0]
    desk.alarm(kind="FIRE", alert_id="A2")
    desk.reader.age_seconds = 5.5
    act = {"reason": "r", "key": "k", "seen_version": 9, "at": write_instant(now_ms())}
    for answer in (
        await floor.ann.take(command),
        await floor.bob.http.post("/v1/work/next"),
        await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=act),
        await floor.ann.http.post(f"/v1/incidents/{incident}/dispatch", json=act),
        await floor.ann.http.post("/v1/sites/S1/dispatch", json=act),
    ):
        assert (answer.status_code, code(answer)) == (503, "STALE")
    monkeypatch.undo()
    assert (await floor.ann.word(command, WORD)).json()["right"] is True
    assert (await floor.ann.result(command, "IDENTIFIED", "NORMAL")).status_code == 202


@pytest.mark.slow
@pytest.mark.parametrize("is_looked_at", [True, False])  # between two looks at the ages, too
@pytest.mark.parametrize("first", ["take", "next"])
async def test_after_a_standstill_holders_come_first(
    desk: MemoryDesk, floor: Floor, *, first: str, is_looked_at: bool
) -> None:
    command = await called(desk, floor)
    desk.reserved.watch_ages([6.0])
    log = desk.state.claims[0]
    log._holds.clear()  # the hold ran out meanwhile
    desk.state.dirty.add(command)
    desk.catch_up()
    if is_looked_at:
        desk.reserved.watch_ages([0.1])
    for asked in (first, "take", "next"):
        answer = await (floor.bob.take(command) if asked == "take" else floor.bob.http.post("/v1/work/next"))
        assert answer.status_code == (409 if asked == "take" else 204)
        assert asked == "next" or answer.json()["holder"]["by"] == "ann"
    assert (await floor.ann.take(command)).status_code == 200


@pytest.mark.parametrize(("quiet", "holder"), [(63.0, "ann"), (70.0, "bob")])
async def test_a_hold_that_ended_before_a_standstill_reserves_nothing(
    desk: MemoryDesk, floor: Floor, quiet: float, holder: str
) -> None:
    command = await called(desk, floor)
    desk.state.claims[0]._read_at -= quiet  # nothing has come for so long, and the hold lasts 60 s
    desk.reserved.watch_ages([6.0])
    desk.state.claims[0]._holds.clear()  # it has run out since
    desk.reserved.watch_ages([0.1])
    assert (await floor.bob.take(command)).json()["holder"]["by"] == holder


async def test_a_close_needs_the_last_version_seen_and_is_written_once(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    body = {"reason": "all is well", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    desk.alarm(alert_id="A2")
    refused = await floor.ann.http.post(f"/v1/incidents/{incident}/close", json=body)
    assert (refused.status_code, code(refused), refused.json()["version"]) == (409, "CHANGED", 2)
    done = await floor.ann.http.post(f"/v1/incidents/{incident}/close", json={**body, "seen_version": 2})
    assert done.status_code == 202
    again = await floor.ann.http.post(f"/v1/incidents/{incident}/close", json={**body, "seen_version": 2})
    assert again.json() == done.json()
    assert [value.action for value in desk.scene.values("operator-actions")] == ["CLOSE"]
    (action,) = desk.scene.values("operator-actions")
    assert (action.operator, action.reason) == ("ann", "all is well")


async def test_hold_up_is_closed_by_a_supervisor(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm(kind="HOLD_UP")
    body = {"reason": "r", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    for worker in (floor.ann, floor.robot):
        assert (await worker.http.post(f"/v1/incidents/{incident}/close", json=body)).status_code == 403
    assert (await floor.ann.http.post(f"/v1/incidents/{incident}/dispatch", json=body)).status_code == 202
    body = {**body, "key": "k2", "seen_version": 2}
    assert (await floor.zoe.http.post(f"/v1/incidents/{incident}/close", json=body)).status_code == 202


async def test_a_guard_without_an_incident_and_a_note(desk: MemoryDesk, floor: Floor) -> None:
    body = {"reason": "a neighbour called", "key": "k1", "at": write_instant(now_ms())}
    first = await floor.ann.http.post("/v1/sites/S1/dispatch", json=body)
    again = await floor.ann.http.post("/v1/sites/S1/dispatch", json=body)
    assert (first.status_code, first.json()) == (202, again.json())
    assert (await floor.ann.http.post("/v1/sites/nowhere/dispatch", json=body)).status_code == 404
    incident = desk.scene.incident_id
    note = await floor.ann.http.post(f"/v1/incidents/{incident}/notes", json={"text": "blue van", "key": "n1"})
    assert note.status_code == 201
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    assert shown["covert"] is True
    assert "blue van" in [step["record"].get("detail") for step in shown["timeline"]]
    while len(desk.scene.values("desk-log")) < 2:  # noqa: ASYNC110  # nobody sets an event
        await asyncio.sleep(0.01)
    assert [value.action for value in desk.scene.values("desk-log")] == ["NOTE", "VIEWED"]


@pytest.mark.parametrize(("kind", "status"), [("INTRUSION", 202), ("FIRE", 404)])
async def test_a_guard_to_a_deleted_site_whose_incident_goes_on(
    desk: MemoryDesk, floor: Floor, kind: str, status: int
) -> None:
    desk.alarm(kind=kind)
    desk.sites.take([("S1", 0, 9, None)])
    body = {"reason": "r", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    assert (await floor.ann.http.post("/v1/sites/S1/dispatch", json=body)).status_code == status
    actions = [(value.action, value.incident_id) for value in desk.scene.values("operator-actions")]
    assert actions == ([("DISPATCH", None)] if status == 202 else [])


async def test_a_caller(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    path = "/v1/sites/S1/callbacks"
    body = {"incident_id": incident, "contact_id": "hélène", "key": "k1"}
    callback = (await floor.ann.http.post(path, json=body)).json()["callback_id"]
    threat = await floor.ann.http.post(f"{path}/{callback}/word", json={"word": THREAT})
    assert threat.json()["duress"] is True
    (result,) = desk.scene.values("call-results")
    assert (result.direction, result.command_id, result.contact_id) == ("INBOUND", None, "hélène")
    said = {"outcome": "IDENTIFIED", "situation": "NORMAL", "at": write_instant(now_ms())}
    assert code(await floor.ann.http.put(f"{path}/{callback}/result", json=said)) == "DURESS"
    nobody = (await floor.ann.http.post(path, json={"key": "k2"})).json()["callback_id"]
    assert (await floor.ann.http.post(f"/v1/work/{nobody}/release")).status_code == 200
    assert (await floor.ann.take(nobody)).status_code == 200
    assert code(await floor.ann.http.post(f"{path}/{nobody}/word", json={"word": WORD})) == "NO_CONTACT"
    assert (await floor.ann.http.post("/v1/sites/S2/callbacks", json={"key": "k"})).status_code == 404
    other = {"incident_id": "nothing", "key": "k"}
    assert (await floor.ann.http.post(path, json=other)).status_code == 404


async def test_an_attention_is_seen(desk: MemoryDesk, floor: Floor) -> None:
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND")
    desk.catch_up()
    (item,) = (await floor.ann.http.get("/v1/work")).json()
    assert (item["item"], item["reason"], item["incident_id"]) == ("ATTENTION", "CALL_FOR_HELP", None)
    taken = (await floor.ann.http.post("/v1/work/next")).json()
    assert (taken["subject"], taken["holder"]["by"]) == (item["subject"], "ann")
    seen = await floor.ann.http.post(f"/v1/attentions/{item['subject']}/seen", json={"note": "police informed"})
    assert (seen.status_code, seen.json()["seen"]["by"]) == (200, "ann")
    assert (await floor.ann.http.get("/v1/work")).json() == []
    assert (await floor.ann.http.post("/v1/attentions/nothing/seen")).status_code == 404
    (event,) = desk.scene.values("desk-log")
    assert (event.action, event.detail) == ("ATTENTION_SEEN", "police informed")


async def test_what_is_optional_may_be_null(desk: MemoryDesk, floor: Floor) -> None:
    command = f"{desk.alarm()}-c1.1"
    assert (await floor.ann.take(command, over=None)).status_code == 200
    bare = await floor.ann.result(command, "NO_ANSWER")
    assert (await floor.ann.result(command, "NO_ANSWER", message_left=None, detail=None)).json() == bare.json()
    for path, body in (
        ("/v1/sites/S1/callbacks", {"key": "k1", "incident_id": None, "contact_id": None}),
        ("/v1/sites/S1/dispatch", {"reason": "r", "key": "k1", "seen_version": None, "at": write_instant(now_ms())}),
    ):
        assert (await floor.ann.http.post(path, json=body)).is_success


async def test_bodies_are_strict(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    for body in ({"word": ""}, {"word": "x", "more": 1}, {}, {"word": 1}, {"word": "é" * 4096 + "x"}, {"word": "a\0b"}):
        assert (await floor.ann.http.post(f"/v1/calls/{command}/word", json=body)).status_code == 422
    assert (await floor.ann.word(command, "é" * 4096)).json() == {"right": False, "duress": False, "tries_left": 2}
    assert (await floor.ann.result(command, "MAYBE")).status_code == 422
    assert (await floor.ann.result(command, "NO_ANSWER", detail="x" * 8193)).status_code == 422
    assert (await floor.ann.take(command, more=1)).status_code == 422
    for path in (f"/v1/work/{command}/release", "/v1/work/next"):
        assert (await floor.ann.http.post(path, json={"more": 1})).status_code == 422
        assert code(await floor.ann.http.post(path, content=b"no", headers={"content-type": "application/json"})) == (
            "NOT_JSON"
        )
        assert code(await floor.ann.http.post(path, json={"more": "x" * 65_536})) == "TOO_LARGE"
    assert desk.state.holder(0, command) is not None
    for content in (b"{}", b""):
        answer = await floor.ann.http.post(
            "/v1/work/next", content=content, headers={"content-type": "application/json"}
        )
        assert answer.json()["subject"] == command
    document = (await floor.ann.http.get("/openapi.json")).json()
    assert {path for path in document["paths"] if path.startswith("/v1/work")} == {
        "/v1/work", "/v1/work/next", "/v1/work/{subject}/take", "/v1/work/{subject}/release",
    }  # fmt: skip


async def test_no_answer_has_a_word_or_a_hash(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    incident = command.partition("-")[0]
    answers = [
        await floor.ann.word(command, WORD),
        await floor.ann.word(command, "un autre"),
        await floor.ann.word(command, THREAT),
        await floor.ann.http.post(f"/v1/calls/{command}/word", json={"word": ["secret mot"]}),
        await floor.ann.http.get(f"/v1/incidents/{incident}"),
        await floor.ann.http.get("/v1/work"),
        await floor.ann.http.get("/v1/find", params={"q": "martin"}),
        await floor.ann.http.get(f"/work/{command}"),
    ]
    for answer in answers:
        for word in (WORD, THREAT, "un autre", "secret mot", "argon2"):
            assert word not in answer.text
    for _, data in desk.scene.records:
        if b"WORD" in data:
            assert not any(word.encode() in data for word in (WORD, THREAT, "un autre"))


async def test_the_page_of_a_call_that_another_desk_has_begun(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(desk, "catch_up", lambda: None)  # not read yet
        desk.scene.event(0, "CALL_PLACED", "5c0f-callback-1", "hélène")
    assert (await floor.ann.http.get("/callbacks/5c0f-callback-1?site=S1")).status_code == 200
    other = "/callbacks/5c0f-callback-2?site=S1"
    with frozen(desk):
        assert (await floor.ann.http.get(other)).status_code == 503
    assert (await floor.ann.http.get(other)).status_code == 404
