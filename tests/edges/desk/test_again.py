"""Said again, said late, said by two, and by those who may not: over the engine's own core and without Kafka."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from edges.desk import deadline, rules
from edges.desk.answers import item_json
from edges.desk.pages import AT_FIRST
from edges.desk.reader import NotReadError
from edges.desk.state import DeskState
from edges.kafka.errors import UnconfirmedError
from edges.web.values import write_instant
from schemas.contract.content_ids import result_id
from tests.edges.desk.floor import PASSWORD, THREAT, WORD, code, people
from tests.edges.desk.memory import ORIGIN, Floor, MemoryDesk, Worker, called, frozen, now_ms
from tests.edges.desk.scene import contact, read, write
from tests.machine import stretched

pytestmark = pytest.mark.asyncio


async def test_alarms_of_an_unknown_account_are_seen_again(desk: MemoryDesk, floor: Floor) -> None:
    desk.scene.signal(0, outcome="UNKNOWN_ACCOUNT", kind="FIRE", site_id=None)
    desk.catch_up()
    (item,) = (await floor.ann.http.get("/v1/work")).json()
    path = f"/v1/attentions/{item['subject']}/seen"
    first = await floor.ann.http.post(path)
    assert (first.status_code, (await floor.ann.http.get("/v1/work")).json()) == (200, [])
    again = await floor.ann.http.post(path)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_note_on_what_was_seen_is_kept(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    desk.scene.event(0, "UNDELIVERED", f"{incident}-d1-cancel", None, incident)
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND", site_id="S2")
    desk.catch_up()
    help_ = desk.scene.values("attention")[-1].attention_id
    for subject in (f"{incident}-d1-cancel", help_):
        path = f"/v1/attentions/{subject}/seen"
        first = await floor.ann.http.post(path)
        noted = [await floor.ann.http.post(path, json={"note": "on my way"}) for _ in range(2)]
        assert [answer.status_code for answer in (first, *noted)] == [200, 200, 200]
        events = [value for value in desk.scene.values("desk-log") if value.action == "ATTENTION_SEEN"]
        assert [value.detail for value in events if value.subject == subject] == [None, "on my way"]
        assert (await floor.ann.http.post(path)).json() == noted[1].json()


async def test_a_call_is_nothing_to_be_seen(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    begun = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"key": "k1"})
    for subject in (command, begun.json()["callback_id"]):
        assert code(await floor.bob.http.post(f"/v1/attentions/{subject}/seen")) == "NOT_FOUND"
        hold = desk.state.holder(0, subject)
        assert hold is not None
        assert hold.by == "ann"


async def test_a_caller_whose_claim_was_not_confirmed_is_the_operators_when_said_again(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise UnconfirmedError("the claim alone")

    body = {"contact_id": "hélène", "key": "k1"}
    with monkeypatch.context() as patch:
        patch.setattr(desk.own, "claim", away)
        assert code(await floor.ann.http.post("/v1/sites/S1/callbacks", json=body)) == "UNCONFIRMED"
    again = await floor.ann.http.post("/v1/sites/S1/callbacks", json=body)
    assert again.status_code == 201
    word = await floor.ann.http.post(f"/v1/sites/S1/callbacks/{again.json()['callback_id']}/word", json={"word": WORD})
    assert word.json()["right"] is True


async def test_all_that_waits_for_kafka_ends_in_the_time_of_one_answer(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    assert (await floor.ann.word(command, WORD)).json()["right"] is True
    incident = command.partition("-")[0]
    desk.scene.site("S2", contact("cleo"))
    free = f"{desk.alarm('S2', 'TAMPER', 'A2')}-c1.1"
    begun = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "hélène", "key": "k1"})
    inbound = f"/v1/sites/S1/callbacks/{begun.json()['callback_id']}"
    help_ = desk.scene.signal(0, outcome="UNKNOWN_ACCOUNT", kind="FIRE", site_id=None)
    desk.catch_up()
    act = {"reason": "r", "key": "k2", "seen_version": 9, "at": write_instant(now_ms())}
    said = {"outcome": "NOT_IDENTIFIED", "situation": "UNKNOWN", "at": write_instant(now_ms())}

    async def ask(method: str, path: str, body: dict[str, Any]) -> tuple[str, str | None]:
        answer = await floor.ann.http.request(method, path, json=body)
        return path, answer.json().get("code")

    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"/v1/work/{free}/take", {}),
        ("POST", f"/v1/work/{command}/release", {}),
        ("POST", "/v1/work/next", {}),
        ("POST", f"/v1/calls/{command}/word", {"word": WORD}),
        ("PUT", f"/v1/calls/{command}/result", said),
        ("POST", "/v1/sites/S1/callbacks", {"key": "k3"}),
        ("POST", f"{inbound}/word", {"word": WORD}),
        ("PUT", f"{inbound}/result", said),
        ("POST", f"/v1/incidents/{incident}/dispatch", act),
        ("POST", "/v1/sites/S1/dispatch", act),
        ("POST", f"/v1/attentions/{help_}/seen", {}),
        ("POST", f"/v1/incidents/{incident}/notes", {"text": "t", "key": "k4"}),
    ]
    with frozen(desk):  # another desk may have what is missing here, so nothing is refused for it
        for answer in (
            await floor.bob.word(command, WORD),
            await floor.bob.result(command, "NO_ANSWER"),
            await floor.ann.result(command, "WRONG_CODE"),
            await floor.bob.take(command, over=True),
            await floor.bob.http.post(f"/v1/work/{command}/release"),
        ):
            assert (answer.status_code, code(answer)) == (503, "UNCONFIRMED")
    monkeypatch.setattr(deadline, "CONFIRM_SECONDS", 0.3)  # of 2 s to read to the end, and 3 s to write
    with frozen(desk, hangs=True):
        answers = await asyncio.gather(*(ask(*one) for one in asked))
    assert answers == [(path, "UNCONFIRMED") for _, path, _ in asked]
    assert 0 < sum(desk.hung) <= 0.3 * len(asked)


async def test_the_next_call_is_not_theirs_who_lost_this_one(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    assert (await floor.zoe.take(command, over=True)).status_code == 200
    assert (await floor.ann.result(command, "NO_ANSWER")).status_code == 202
    await asyncio.sleep(0.05)
    (following,) = [item for item in (await floor.ann.http.get("/v1/work")).json() if item["position"] == 2]
    assert following["holder"] is None


async def test_who_takes_what_another_has_just_answered_does_not_get_it(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    assert (await floor.ann.http.post(f"/v1/work/{command}/release")).status_code == 200

    async def read_the_answer(_: int) -> None:
        desk.scene.result(0, command, "NOT_IDENTIFIED", "NORMAL")  # it was in Kafka, and not read yet
        desk.catch_up()

    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_the_answer)
    assert code(await floor.bob.take(command)) == "OVER"
    assert desk.state.holder(0, command) is None
    assert code(await floor.bob.result(command, "NOT_IDENTIFIED", "NORMAL")) == "NOT_HELD"
    assert (await floor.ann.result(command, "NOT_IDENTIFIED", "NORMAL")).status_code == 202  # the same again


async def test_what_was_just_answered_stays(desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its contact would be telephoned twice."""
    command = await called(desk, floor)

    async def read_the_answer(_: int) -> None:
        desk.scene.result(0, command, "NOT_IDENTIFIED", "NORMAL")
        desk.catch_up()

    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_the_answer)
    assert code(await floor.zoe.take(command, over=True)) == "OVER"


async def test_a_take_over_while_the_answer_is_on_its_way(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    taken, said = await asyncio.gather(
        floor.zoe.take(command, over=True), floor.ann.result(command, "NOT_IDENTIFIED", "NORMAL")
    )
    assert (taken.status_code, said.status_code) == (200, 202)
    both = await floor.zoe.result(command, "NOT_IDENTIFIED", "ABNORMAL")
    assert (both.status_code, both.json()["late"]) == (202, True)
    assert len(desk.scene.values("call-results")) == 2


async def test_who_answers_what_another_has_just_answered_is_late(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    assert (await floor.zoe.take(command, over=True)).status_code == 200

    async def read_the_answer(_: int) -> None:
        desk.scene.result(0, command, "NOT_IDENTIFIED", "UNKNOWN")  # it was in Kafka, and not read yet
        desk.catch_up()

    async def read_nothing(_: int) -> None:
        raise NotReadError

    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_the_answer)
    assert code(await floor.ann.result(command, "NO_ANSWER")) == "EXPIRED"
    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_nothing)
    said = await floor.zoe.result(command, "NOT_IDENTIFIED", "ABNORMAL")
    assert (said.status_code, said.json()["late"]) == (202, True)


async def test_who_answers_what_was_just_answered_under_threat_is_refused(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)

    async def read_the_answer(_: int) -> None:
        mine = result_id(command, "DURESS_CODE", "UNKNOWN", None, message_left=False)
        at = mine.removeprefix(f"{command}-result-")
        desk.scene.result(at, command, "DURESS_CODE", "UNKNOWN")  # type: ignore[arg-type]  # its try is not kept yet
        desk.catch_up()

    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_the_answer)
    assert code(await floor.ann.result(command, "NOT_IDENTIFIED", "NORMAL")) == "DURESS"


async def test_what_is_said_again_is_shown_once(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    note = {"text": "blue van", "key": "n1"}
    callback = {"incident_id": incident, "contact_id": "hélène", "key": "k1"}
    began = await floor.ann.http.post("/v1/sites/S1/callbacks", json=callback)
    said = {"outcome": "NOT_IDENTIFIED", "situation": "NORMAL", "at": write_instant(now_ms())}
    result = f"/v1/sites/S1/callbacks/{began.json()['callback_id']}/result"
    for method in ("PUT", "POST"):
        assert (await floor.ann.http.post(f"/v1/incidents/{incident}/notes", json=note)).status_code == 201
        assert (await floor.ann.http.request(method, result, json=said)).status_code == 202
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()["timeline"]
    assert [step["record"]["detail"] for step in shown if step["text"] == "NOTE"] == ["blue van"]
    assert len([step for step in shown if step["kind"] == "RESULT"]) == 1


async def test_what_is_said_again_after_the_end_is_no_second_call_for_help(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    assert (await floor.ann.result(command, "DURESS_CODE")).json()["late"] is False
    desk.scene.action(0, "CLOSE", command.partition("-")[0])
    desk.catch_up()
    again = await floor.ann.result(command, "DURESS_CODE")
    assert (again.status_code, again.json()["late"]) == (202, False)
    assert len(desk.scene.values("call-results")) == 1
    assert "CALL_FOR_HELP" not in [one.reason for one in desk.scene.values("attention")]


async def test_a_guard_is_not_sent_again_once_the_incident_has_ended(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    body = {"reason": "a neighbour called", "key": "k1", "seen_version": 1, "at": write_instant(now_ms())}
    desk.alarm(alert_id="A2")
    refused = await floor.ann.http.post("/v1/sites/S1/dispatch", json=body)
    assert (refused.status_code, code(refused), refused.json()["version"]) == (409, "CHANGED", 2)
    first = await floor.ann.http.post("/v1/sites/S1/dispatch", json=body | {"seen_version": 2})
    desk.scene.action(0, "CLOSE", incident)
    desk.catch_up()
    again = await floor.ann.http.post("/v1/sites/S1/dispatch", json=body | {"seen_version": 2})
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert [value.rule for value in desk.scene.values("decisions")] == [
        "OPENED", "MERGED", "OPERATOR_DISPATCH", "OPERATOR_CLOSED",
    ]  # fmt: skip


async def test_a_caller_under_threat_is_heard_once(desk: MemoryDesk, floor: Floor) -> None:
    begun = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "hélène", "key": "k1"})
    inbound = f"/v1/sites/S1/callbacks/{begun.json()['callback_id']}"
    for tries_left in (2, 1):
        answer = await floor.ann.http.post(f"{inbound}/word", json={"word": THREAT})
        assert answer.json() == {"right": True, "duress": True, "tries_left": tries_left}
    assert [one.reason for one in desk.scene.values("attention")] == ["CALL_FOR_HELP"]


async def test_the_same_request_twice_at_once_is_confirmed_twice(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    write, catch_up = desk.write, desk.catch_up
    monkeypatch.setattr(desk, "catch_up", lambda: None)
    written = asyncio.Semaphore(0)

    def counted(topic: str, value: Any) -> None:
        write(topic, value)
        written.release()

    monkeypatch.setattr(desk, "write", counted)
    note = {"text": "blue van", "key": "n1"}
    path = f"/v1/incidents/{incident}/notes"
    both = asyncio.gather(*(floor.ann.http.post(path, json=note) for _ in range(2)))
    for _ in range(2):
        await written.acquire()
    began = time.monotonic()
    catch_up()
    assert [answer.status_code for answer in await both] == [201, 201]
    assert time.monotonic() - began < stretched(1)


async def test_a_call_that_another_desk_has_begun_is_found(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(desk, "catch_up", lambda: None)  # not read yet
        desk.scene.event(0, "CALL_PLACED", "5c0f-callback-1", "hélène")
        desk.scene.claim(0, "TAKE", "5c0f-callback-1")
    inbound = "/v1/sites/S1/callbacks/5c0f-callback-1"
    with frozen(desk):
        assert code(await floor.ann.http.post(f"{inbound}/word", json={"word": WORD})) == "UNCONFIRMED"
    assert (await floor.ann.http.post(f"{inbound}/word", json={"word": WORD})).json()["right"] is True
    assert code(await floor.ann.http.post("/v1/sites/S2/callbacks/5c0f-callback-1/word", json={"word": WORD})) == (
        "NOT_FOUND"
    )
    assert code(await floor.ann.http.post(f"{inbound}0/word", json={"word": WORD})) == "NOT_FOUND"


async def test_what_a_caller_said_is_judged_once(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "hélène", "key": "k1"})
    callback_id = begun.json()["callback_id"]
    inbound = f"/v1/sites/S1/callbacks/{callback_id}"
    said = [
        {"outcome": outcome, "situation": "NORMAL", "at": write_instant(now_ms())}
        for outcome in ("IDENTIFIED", "NO_ANSWER")
    ]
    assert (await floor.ann.http.post(f"{inbound}/word", json={"word": WORD})).json()["right"] is True
    first = [await floor.ann.http.put(f"{inbound}/result", json=one) for one in said]
    assert (await floor.ann.take(callback_id)).status_code == 200
    assert (await floor.ann.http.post(f"{inbound}/word", json={"word": "no"})).json()["right"] is False
    monkeypatch.setattr(rules, "CALLBACK_MS", -60_000)  # 15 minutes have passed
    monkeypatch.setattr(desk.clock, "now", lambda: now_ms() + 60_000)
    again = [await floor.ann.http.put(f"{inbound}/result", json=one) for one in said]
    assert [answer.status_code for answer in (*first, *again)] == [202] * 4
    assert len(desk.scene.values("call-results")) == 2
    other = await floor.ann.http.put(f"{inbound}/result", json=said[1] | {"detail": "gone"})
    assert code(other) == "EXPIRED"


async def test_duress_needs_a_supervisor_before_the_engine_has_decided(desk: MemoryDesk) -> None:
    command = f"{desk.alarm()}-c1.1"
    desk.scene.result(0, command, "DURESS_CODE")
    state = DeskState(1)
    for place, data in desk.scene.records:
        if place.topic in {"calls", "call-results"} or (place.topic == "decisions" and place.offset == 0):
            state.apply(place, read(place.topic)(data), data)
    (incident,) = state.incidents.values()
    assert (incident.version, incident.needs_supervisor) == (1, True)


async def test_a_time_that_no_calendar_has_is_shown(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    desk.scene.event(0, "NOTE", None, "from the future", incident)
    place, data = desk.scene.records[-1]
    value = read("desk-log")(data)
    desk.state.incidents[incident].keep("desk-log", place.offset + 1, write("desk-log")(value._replace(at=1 << 60)))
    assert (await floor.ann.http.get(f"/v1/incidents/{incident}")).status_code == 200
    assert (await floor.ann.http.get(f"/incidents/{incident}")).status_code == 200


@pytest.mark.slow
async def test_ten_thousand_calls_are_written_once(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    item = desk.work.items[command]
    for number in range(10_000):
        desk.work.items[f"{number}-c1.1"] = item._replace(subject=f"{number}-c1.1", since=item.since + number)
    first = await floor.ann.http.get("/v1/work")
    written = item_json.cache_info().misses
    again = await floor.bob.http.get("/v1/work")
    page = await floor.bob.http.get("/")
    assert (len(first.json()), first.content) == (10_001, again.content)
    assert item_json.cache_info().misses == written
    assert page.text.count('<li class="item') == AT_FIRST + 1  # and the blank one


@pytest.mark.slow
async def test_roles_on_every_route(desk: MemoryDesk, floor: Floor, tmp_path: Path) -> None:
    people(tmp_path, ann="operator", max="auditor", eve="customer", sue="support")
    nobody = Worker(desk, {"origin": ORIGIN})
    robber = Worker(desk, {"authorization": "Bearer ronde_nothing"})
    by_role = {}
    for name in ("max", "eve", "sue"):
        by_role[name] = Worker(desk, {"origin": ORIGIN})
        body = {"name": name, "password": PASSWORD}
        assert (await by_role[name].http.post("/v1/session", json=body)).status_code == 200
    document = (await floor.ann.http.get("/openapi.json")).json()
    asked = 0
    for path, methods in document["paths"].items():
        if path.startswith("/v1/session"):
            continue
        for method in methods:

            async def ask(worker: Worker, path: str = path, method: str = method) -> httpx.Response:
                address = path.replace("{", "").replace("}", "")
                return await worker.http.request(method, address, json={} if method != "get" else None)

            asked += 1
            for stranger in (nobody, robber):
                assert (await ask(stranger)).status_code == 401, (method, path)
            for name in ("eve", "sue", *(() if method == "get" else ("max",))):
                assert (await ask(by_role[name])).status_code == 403, (method, path, name)
    assert asked >= 17
    page = await by_role["max"].http.get(f"/work/{desk.alarm()}-c1.1")
    assert ('id="script"' in page.text, '-form"' in page.text) == (True, False)
    for path in ("/", "/attentions", "/find", "/held", "/wall", "/sites/S1", "/sites/S1/history"):
        assert (await by_role["max"].http.get(path)).status_code == 200, path
        assert (await by_role["eve"].http.get(path)).status_code == 403, path
        assert (await nobody.http.get(path, headers={"accept": "text/html"})).status_code == 303, path
