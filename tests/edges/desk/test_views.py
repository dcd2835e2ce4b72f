"""What people see beside a call: rounds, the timeline in words, who holds what, attentions, history, objectives."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges.desk.deadline import left
from edges.desk.dossier import MOST_ALERTS, MOST_SIGNALS, order
from edges.desk.labels import labels
from edges.desk.rounds import RoundSizes
from edges.desk.steps import lines
from edges.desk.wallboard import FirstCalls, first_calls
from edges.kafka.errors import KafkaAwayError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.values import Contact, Intervention, Signal, Site
from edges.web.values import write_instant
from service.objectives import ObjectiveSettings
from streams.escalation import values as core
from streams.escalation.readiness import callees
from tests.edges.desk.floor import WORD, code
from tests.edges.desk.memory import Floor, MemoryDesk, called, now_ms
from tests.edges.desk.scene import T0, Desk, Scene, contact
from tests.machine import stretched
from tests.support.examples import examples

SHORT = st.sampled_from(
    (None, "", " ", "x", "+33639980001", "+0339980001", "+336", "33639980001", "+336399800012345678")
)


# --- how many contacts a round calls ------------------------------------------------------------------------------


@examples(25)
@given(st.lists(st.tuples(st.sampled_from(("OWNER", "MEMBER", "EXTERNAL")), *([SHORT] * 4)), max_size=4))
def test_a_round_calls_whom_the_engine_calls(people: list[tuple[Any, ...]]) -> None:
    ours = tuple(
        Contact(str(number), role, first, last, phone, hash_, None, None)
        for number, (role, first, last, phone, hash_) in enumerate(people)
    )
    site = Site("S1", True, ours, None, None, Intervention(True, ()), None, 0)
    as_core: Any = core.Contact
    others = [as_core(*one) for one in ours]
    theirs = core.Site("S1", True, tuple(others), None, None, core.Intervention(True, ()), None, 0)
    assert site.callees == len(callees(theirs))


@pytest.mark.asyncio
async def test_pages_say_what_is_still_ahead_and_when_they_were_made(desk: MemoryDesk, floor: Floor) -> None:
    (site,) = desk.scene.values("sites")
    for ahead, is_shown in ((3_600_000, True), (-1000, False)):
        until = now_ms() + ahead
        desk.scene._add("sites", site._replace(test_until=until))
        desk.catch_up()
        page = (await floor.ann.http.get("/sites/S1")).text
        assert ("On test until" in page) is is_shown
        assert (f'datetime="{write_instant(until)}" data-dated' in page) is is_shown
    assert "Searched at <time" in (await floor.ann.http.get("/find?q=martin")).text


@pytest.mark.asyncio
async def test_the_list_says_of_how_many_contacts_a_call_is_one(desk: MemoryDesk, floor: Floor) -> None:
    await called(desk, floor)
    (item,) = (await floor.ann.http.get("/v1/work")).json()
    assert (item["round"], item["position"], item["of"]) == (1, 1, 2)
    desk.home(count=3)  # a round calls whom it began with
    (item,) = (await floor.ann.http.get("/v1/work")).json()
    assert item["of"] == 2


@pytest.mark.asyncio
async def test_a_round_of_a_former_record_is_fetched(desk: MemoryDesk) -> None:
    incident = desk.scene
    incident.alert(0)
    desk.home(count=3)  # in force before the desk reads of the round
    assert desk.work.in_order()[0].of is None
    await RoundSizes(desk.state, desk.records).fetch()
    desk.catch_up()
    assert desk.work.in_order()[0].of == 2


# --- an incident --------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_homes_with_an_open_incident_are_found_first(desk: MemoryDesk, floor: Floor) -> None:
    for number in range(60):
        desk.home(f"S{number:02}")
    incident = desk.alarm("S59")
    for text in ("hélène", "S"):
        found = (await floor.ann.http.get("/v1/find", params={"q": text})).json()
        assert [one["incident_id"] for one in found["incidents"]] == [incident]
        assert [one["site_id"] for one in found["sites"]][:2] == ["S59", "S00"]
    desk.sites.take([("S59", 0, 999, None)])
    assert (await floor.ann.http.get("/find", params={"q": " "})).status_code == 200
    found = (await floor.ann.http.get("/v1/find", params={"q": "S59"})).json()
    assert ([one["incident_id"] for one in found["incidents"]], found["sites"]) == ([incident], [])


@pytest.mark.asyncio
async def test_an_incident_shows_who_holds_an_inbound_call(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    incident = command.partition("-")[0]
    for key, named in (("k1", incident), ("k2", None)):
        body = {"incident_id": named, "contact_id": "hélène", "key": key}
        begun = await floor.bob.http.post("/v1/sites/S1/callbacks", json=body)
        if named:
            callback_id = begun.json()["callback_id"]
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    assert {subject: holder["by"] for subject, holder in shown["holders"].items()} == {
        command: "ann", callback_id: "bob",
    }  # fmt: skip


@pytest.mark.asyncio
async def test_an_incident_has_its_rules_in_words_and_its_answers_whole(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    await floor.ann.result(command, "NO_ANSWER", message_left=True, detail="rang twice")
    path = f"/v1/incidents/{command.partition('-')[0]}"
    english = (await floor.ann.http.get(path)).json()
    french = (await floor.ann.http.get(path, headers={"accept-language": "fr"})).json()
    said = [
        [step["words"] for step in incident["timeline"] if step["kind"] == "DECISION"] for incident in (english, french)
    ]
    assert all(map(all, said))
    assert said[0] != said[1]
    answer = english["calls"][0]["answers"][0]
    assert {name: answer[name] for name in ("outcome", "situation", "message_left", "detail", "operator")} == {
        "outcome": "NO_ANSWER", "situation": "UNKNOWN", "message_left": True, "detail": "rang twice", "operator": "ann",
    }  # fmt: skip


@pytest.mark.asyncio
async def test_what_came_stands_before_what_was_decided_and_that_before_what_it_commands(desk: MemoryDesk) -> None:
    incident = desk.state.incidents[desk.alarm()]
    desk.scene.result(0, f"{incident.id}-c1.1", "DURESS_CODE")
    desk.catch_up()
    steps = (await desk.api.dossier.incident(incident)).timeline
    kinds = [step.kind for step in sorted((step.model_copy(update={"at": 0}) for step in steps), key=order)]
    decided, commanded = kinds.index("DECISION"), len(kinds) - kinds[::-1].index("DECISION")
    assert kinds[:decided] == ["RESULT"]
    assert {*kinds[commanded:]} == {"CALL", "DISPATCH", "ATTENTION"}


@pytest.mark.asyncio
async def test_who_looked_shows_on_the_incidents_page_alone(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    assert (await floor.ann.http.get(f"/work/{incident}-c1.1")).status_code == 200
    await asyncio.sleep(0.05)
    for path, is_shown in (("", True), ("/steps", True), ("/steps?views=no", False)):
        page = (await floor.ann.http.get(f"/incidents/{incident}{path}")).text
        assert ("Looked at" in page) is is_shown, path
    assert "data-decision" in page
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND")
    desk.catch_up()
    attention = next(item.subject for item in desk.work.in_order() if item.item == "ATTENTION")
    assert (await floor.zoe.http.get(f"/work/{attention}")).status_code == 200
    body = {"incident_id": incident, "contact_id": "hélène", "key": "k"}
    callback = (await floor.bob.http.post("/v1/sites/S1/callbacks", json=body)).json()["callback_id"]
    assert (await floor.bob.http.get(f"/callbacks/{callback}")).status_code == 200
    await asyncio.sleep(0.05)
    views = [event.operator for event in desk.scene.values("desk-log") if event.action == "VIEWED"]
    assert views == ["ann", "zoe", "bob"]


@pytest.mark.asyncio
async def test_a_look_that_kafka_did_not_take_is_written_with_the_next(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm()
    for desk.is_frozen in (True, False, False):
        assert (await floor.ann.http.get(f"/incidents/{incident}")).status_code == 200
        await asyncio.sleep(0.05)
    assert [event.action for event in desk.scene.values("desk-log")] == ["VIEWED"]


@pytest.mark.parametrize(
    ("user", "language", "text"),
    [
        ("3", "en", "cancelled at the panel by user 3 · not authenticated"),
        (None, "en", "cancelled at the panel · not authenticated"),
    ],
)
@pytest.mark.asyncio
async def test_a_cancel_at_the_panel_is_said_in_words(
    desk: MemoryDesk, user: str | None, language: str, text: str
) -> None:
    incident = desk.alarm()
    at = desk.clock.now()
    desk.scene._add(
        "signals",
        Signal(
            f"1234-8-00000000-{at}-r1-1", "S1", "1234", "DC09", "0008", "406", "NEW", "1", None, user, "CANCEL",
            None, None, "SIGNAL", None, None, None, at, "r1", False, None, b"raw",
        ),
    )  # fmt: skip
    desk.catch_up()
    view = await desk.api.dossier.incident(desk.state.incidents[incident])
    assert text in [line.text for line in lines(view, labels(str), language)]


@pytest.mark.asyncio
async def test_of_very_many_signals_the_first_and_the_last_are_shown(desk: MemoryDesk) -> None:
    incident = desk.alarm()
    ids = [desk.scene.signal(0, str(number)) for number in range(2 * MOST_SIGNALS + 30)]
    desk.catch_up()
    view = await desk.api.dossier.incident(desk.state.incidents[incident])
    assert [one["signal_id"] for one in view.signals] == [*ids[:MOST_SIGNALS], *ids[-MOST_SIGNALS:]]


@pytest.mark.asyncio
async def test_an_incident_shows_without_what_cannot_be_read_now(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.scene.signal(0)
    incident = desk.alarm()
    desk.scene.signal(0)
    at, away = desk.records.at, {("alerts", 0), ("signals", 0)}
    monkeypatch.setattr("edges.desk.dossier.READ_SECONDS", stretched(0.1))

    async def half(topic: str, partition: int, offset: int, key: str) -> Any:
        if (topic, offset) in away:
            await asyncio.sleep(left(CONFIRM_SECONDS) if topic == "alerts" else 0)
            raise KafkaAwayError
        return await at(topic, partition, offset, key)

    monkeypatch.setattr(desk.records, "at", half)
    missing = "Some alerts or signals cannot be read now."
    async with asyncio.timeout(stretched(CONFIRM_SECONDS)):
        shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
        assert shown["is_partial"] is True
        assert [(alert["alert_id"], alert["kind"]) for alert in shown["alerts"]] == [("A1", None)]
        assert len(shown["signals"]) == 1
        call = await floor.ann.http.get(f"/work/{incident}-c1.1")
        assert call.status_code == 200
        assert missing in call.text
        page = (await floor.ann.http.get(f"/incidents/{incident}")).text
        assert "<td>A1</td>" in page
    away.clear()
    monkeypatch.setattr("edges.desk.dossier.READ_SECONDS", CONFIRM_SECONDS)
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    assert (shown["is_partial"], shown["alerts"][0]["kind"], len(shown["signals"])) == (False, "INTRUSION", 2)
    assert missing not in (await floor.ann.http.get(f"/work/{incident}-c1.1")).text


@pytest.mark.asyncio
async def test_a_merged_alert_that_cannot_be_read_hides_no_call(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    assert desk.state.incidents[incident].merged
    with monkeypatch.context() as patch:
        patch.setattr(desk.merged, "learn", AsyncMock(side_effect=KafkaAwayError))
        assert (await floor.ann.http.get(f"/work/{incident}-c1.1")).status_code == 200
        assert (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()["is_partial"] is True
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    assert (shown["is_partial"], shown["needs_supervisor"]) == (False, True)


@pytest.mark.asyncio
async def test_of_very_many_alerts_the_first_and_the_last_are_read(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2 * MOST_ALERTS + 10):
        desk.scene.alert(0, alert_id=f"A{number}")
    desk.catch_up()
    incident = desk.state.incidents[desk.scene.incident_id]
    await desk.merged.learn(incident)
    read = AsyncMock(side_effect=desk.records.at)
    monkeypatch.setattr(desk.records, "at", read)
    view = await desk.api.dossier.incident(incident)
    assert [alert["alert_id"] for alert in view.alerts] == [f"A{number}" for number in range(2 * MOST_ALERTS + 10)]
    assert [alert["kind"] is None for alert in view.alerts] == (
        [False] * MOST_ALERTS + [True] * 10 + [False] * MOST_ALERTS
    )
    assert sum(call.args[0] == "alerts" for call in read.await_args_list) == 2 * MOST_ALERTS
    assert not view.is_partial


# --- callers, holders, attentions ---------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_site_that_cannot_be_read_now_is_found_without_names(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.home("S2")
    incident = desk.alarm("S2")
    at, away = desk.records.at, {"S2"}

    async def half(topic: str, partition: int, offset: int, key: str) -> Any:
        if key in away:
            raise KafkaAwayError
        return await at(topic, partition, offset, key)

    monkeypatch.setattr(desk.records, "at", half)
    found = (await floor.ann.http.get("/v1/find?q=martin")).json()
    assert [(site["site_id"], bool(site["names"])) for site in found["sites"]] == [("S2", False), ("S1", True)]
    assert [one["incident_id"] for one in found["incidents"]] == [incident]
    assert (await floor.ann.http.get("/find?q=martin")).status_code == 200
    away.add("S1")
    refused = await floor.ann.http.get("/v1/find?q=martin")
    assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")


@pytest.mark.asyncio
async def test_a_caller_without_an_incident(desk: MemoryDesk, floor: Floor) -> None:
    began = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "hélène", "key": "k"})
    assert began.status_code == 201
    callback = began.json()["callback_id"]
    page = await floor.ann.http.get(f"/callbacks/{callback}")
    assert page.status_code == 200
    assert "the dog bites" in page.text  # of the home, whose instructions the operator needs
    held = (await floor.zoe.http.get("/held")).text
    assert "Inbound call" in held
    assert f"/callbacks/{callback}" in held
    path = f"/v1/sites/S1/callbacks/{callback}"
    assert (await floor.ann.http.post(f"{path}/word", json={"word": WORD})).json()["right"] is True
    said = await floor.ann.http.put(
        f"{path}/result", json={"outcome": "IDENTIFIED", "situation": "ABNORMAL", "at": "2026-01-01T00:00:00.000Z"}
    )
    assert (said.status_code, said.json()["late"]) == (202, False)
    (result,) = desk.scene.values("call-results")
    assert (result.direction, result.incident_id, result.contact_id) == ("INBOUND", None, "hélène")
    assert desk.work.in_order()[0].reason == "CALL_FOR_HELP"


@pytest.mark.asyncio
async def test_what_somebody_else_has_seen_is_released(desk: MemoryDesk, floor: Floor) -> None:
    desk.alarm()
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND")
    desk.catch_up()
    attention = next(item.subject for item in desk.work.in_order() if item.item == "ATTENTION")
    assert (await floor.ann.take(attention)).status_code == 200
    assert (await floor.bob.http.post(f"/v1/attentions/{attention}/seen")).status_code == 200
    assert desk.state.holder(0, attention) is None


@pytest.mark.asyncio
async def test_the_queue_of_attentions(desk: MemoryDesk, floor: Floor) -> None:
    incident = desk.alarm(kind="HOLD_UP")
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND")
    desk.catch_up()
    page = (await floor.zoe.http.get("/attentions")).text
    assert f'data-subject="{incident}-c' not in page
    assert f'data-subject="{incident}-' in page


@pytest.mark.asyncio
async def test_history_says_when_there_is_none(desk: MemoryDesk, floor: Floor) -> None:
    assert (await floor.ann.http.get("/v1/sites/S1/history")).json() == {"source": "NOT_SET", "incidents": []}
    assert code(await floor.ann.http.get("/v1/sites/S9/history")) == "NOT_FOUND"
    assert "no ledger is set" in (await floor.ann.http.get("/sites/S1/history")).text


@pytest.mark.asyncio
async def test_a_dialler_is_no_operator_at_work(desk: MemoryDesk, floor: Floor) -> None:
    await called(desk, floor)
    desk.home("S2")
    assert (await floor.robot.take(f"{desk.alarm('S2', alert_id='A2')}-c1.1")).status_code == 200
    page = (await floor.zoe.http.get("/wall")).text
    assert '<h2>Operators at work</h2><p class="large number">1</p><p>ann</p>' in page


# --- objectives ---------------------------------------------------------------------------------------------------


def _first_calls(scene: Scene, at: float) -> list[FirstCalls]:
    desk = Desk(scene.records, at=at)
    return asyncio.run(first_calls(desk.state, ObjectiveSettings(), T0 + round(at * 1000)))


def test_first_calls_count_by_who_took_them_first_or_by_their_answer() -> None:
    scene = Scene()
    for number in range(5):
        scene.site(f"S{number}", contact("ann"))
    for number in range(5):
        scene.alert(number, "FIRE" if number else "TAMPER", f"A{number}", f"S{number}")
    calls = scene.values("calls")
    scene.claim(10, "TAKE", calls[0].command_id, site_id="S0")
    scene.claim(41, "TAKE", calls[1].command_id, site_id="S1")  # after 40 s
    scene.result(22, calls[2].command_id, "NO_ANSWER", site_id="S2")  # by a dialler that claims nothing
    assert [(row.kind, row.calls) for row in _first_calls(scene, 50)] == [("FIRE", 2), ("TAMPER", 1)]  # two wait
    fire, tamper = _first_calls(scene, 200)  # nobody took the other two
    assert (fire.calls, fire.within) == (4, {30: 1, 60: 2, 90: 2, 180: 2})
    assert (fire.share(30), [goal.is_met for goal in fire.goals]) == (25.0, [False, False])
    assert (tamper.within[30], [goal.is_met for goal in tamper.goals]) == (1, [True, True])
    assert [(goal.target.seconds, goal.target.percent) for goal in tamper.goals] == [(90, 80.0), (180, 98.5)]
    assert _first_calls(scene, 86_400 + 60) == []
