"""The word for threat is the answer: it lets go of the call, and nobody who goes on speaking sees that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edges.web.values import write_instant
from tests.edges.desk.floor import THREAT, WORD, code
from tests.edges.desk.memory import Floor, MemoryDesk, Worker, called, now_ms

pytestmark = pytest.mark.asyncio
INBOUND = "/v1/sites/S1/callbacks"


async def beside(desk: MemoryDesk) -> None:
    """What is done beside a reply is done."""
    await asyncio.gather(*desk.own._tasks)


async def spoken_to(desk: MemoryDesk, floor: Floor, *, is_inbound: bool) -> tuple[str, str]:
    """A call that ann holds, and the address for its words and results."""
    if not is_inbound:
        command = await called(desk, floor)
        return command, f"/v1/calls/{command}"
    body = {"incident_id": desk.alarm(), "contact_id": "hélène", "key": "k1"}
    callback = (await floor.ann.http.post(INBOUND, json=body)).json()["callback_id"]
    return callback, f"{INBOUND}/{callback}"


async def tries(worker: Worker, path: str, *words: str) -> list[Any]:
    answers = [await worker.http.post(f"{path}/word", json={"word": word}) for word in words]
    return [answer.json() if answer.is_success else code(answer) for answer in answers]


@pytest.mark.parametrize("is_inbound", [False, True])
async def test_who_goes_on_after_the_word_for_threat_is_answered_as_ever(
    desk: MemoryDesk, floor: Floor, is_inbound: bool
) -> None:
    subject, path = await spoken_to(desk, floor, is_inbound=is_inbound)
    assert await tries(floor.ann, path, THREAT) == [{"right": True, "duress": True, "tries_left": 2}]
    await beside(desk)
    assert desk.state.holder(0, subject) is None
    assert await tries(floor.bob, path, WORD) == ["NOT_HELD"]
    assert await tries(floor.ann, path, WORD, "no", WORD) == [
        {"right": True, "duress": False, "tries_left": 1},
        {"right": False, "duress": False, "tries_left": 0},
        "NO_TRIES_LEFT",
    ]
    said = {"outcome": "IDENTIFIED", "situation": "NORMAL", "at": write_instant(now_ms())}
    assert code(await floor.ann.http.put(f"{path}/result", json=said)) == "DURESS"
    assert [value.outcome for value in desk.scene.values("call-results")] == ["DURESS_CODE"]


@pytest.mark.parametrize("more", [{}, {"situation": "ABNORMAL"}, {"detail": "she whispered"}])
@pytest.mark.parametrize("is_inbound", [False, True])
async def test_threat_as_it_is_said_of_a_call_is_its_last_answer(
    desk: MemoryDesk, floor: Floor, is_inbound: bool, more: dict[str, str]
) -> None:
    _, path = await spoken_to(desk, floor, is_inbound=is_inbound)
    said = {"outcome": "DURESS_CODE", "situation": "UNKNOWN", "at": write_instant(now_ms())} | more
    for _ in range(2):
        assert (await floor.ann.http.put(f"{path}/result", json=said)).status_code == 202
    other = said | {"outcome": "NOT_IDENTIFIED"}
    assert code(await floor.ann.http.put(f"{path}/result", json=other)) == "DURESS"
    assert (await floor.ann.http.put(f"{path}/result", json=said | {"detail": "again"})).status_code == 202
    assert {value.outcome for value in desk.scene.values("call-results")} == {"DURESS_CODE"}


async def test_who_takes_the_call_after_it_has_it_alone(desk: MemoryDesk, floor: Floor) -> None:
    subject, path = await spoken_to(desk, floor, is_inbound=True)
    await tries(floor.ann, path, THREAT)
    await beside(desk)
    assert (await floor.bob.take(subject)).status_code == 200
    assert await tries(floor.ann, path, WORD) == ["HELD"]


async def test_a_right_word_lets_go_of_nothing(desk: MemoryDesk, floor: Floor) -> None:
    subject, path = await spoken_to(desk, floor, is_inbound=True)
    await tries(floor.ann, path, "no", WORD)
    await beside(desk)
    hold = desk.state.holder(0, subject)
    assert hold is not None
    assert hold.by == "ann"


async def test_the_homes_other_incident_waits_for_no_hold_that_is_over(desk: MemoryDesk, floor: Floor) -> None:
    _, path = await spoken_to(desk, floor, is_inbound=True)
    fire = desk.alarm(kind="FIRE", alert_id="A2")
    assert (await floor.bob.http.post("/v1/work/next")).json()["incident_id"] != fire
    for item in desk.work.in_order():
        if item.holder is not None:
            assert (await floor.bob.http.post(f"/v1/work/{item.subject}/release")).status_code == 200
    await tries(floor.ann, path, THREAT)
    await beside(desk)
    (attention,) = [item.subject for item in desk.work.in_order() if item.reason == "DURESS"]
    assert (await floor.bob.http.post(f"/v1/attentions/{attention}/seen", json={})).status_code == 200
    assert (await floor.bob.http.post("/v1/work/next")).json()["incident_id"] == fire


async def test_the_reply_does_not_wait_for_the_release(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, path = await spoken_to(desk, floor, is_inbound=False)
    send, may_go = desk.own.writer.send, asyncio.Event()

    async def late(**values: Any) -> None:
        if "claims" in values:
            await may_go.wait()
        await send(**values)

    monkeypatch.setattr(desk.own.writer, "send", late)
    assert await tries(floor.ann, path, THREAT) == [{"right": True, "duress": True, "tries_left": 2}]
    assert desk.state.holder(0, subject) is not None
    may_go.set()
    await beside(desk)
    assert desk.state.holder(0, subject) is None
