"""How many words may be tried: where Kafka hangs, and beside other desks and other calls."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edges.desk import deadline
from edges.desk.reader import NotReadError
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.web.values import write_instant
from tests.edges.desk.floor import THREAT, WORD, code
from tests.edges.desk.memory import Floor, MemoryDesk, Worker, called, frozen, now_ms

pytestmark = pytest.mark.asyncio


async def test_a_word_for_threat_that_is_not_confirmed_costs_no_try(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    send = desk.own.writer.send

    async def without_results(**values: Any) -> None:
        if "call_results" in values:
            raise UnconfirmedError("the results' partition has no leader")
        await send(**values)

    with monkeypatch.context() as patch:
        patch.setattr(desk.own.writer, "send", without_results)
        for _ in range(4):
            assert code(await floor.ann.word(command, THREAT)) == "UNCONFIRMED"
    answer = await floor.ann.word(command, THREAT)
    assert answer.json() == {"right": True, "duress": True, "tries_left": 2}
    assert [one.outcome for one in desk.scene.values("call-results")] == ["DURESS_CODE"]


@pytest.mark.parametrize("is_inbound", [False, True])
async def test_a_word_for_threat_is_the_answer_also_where_its_try_is_not_kept(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch, is_inbound: bool
) -> None:
    path = f"/v1/calls/{await called(desk, floor)}"
    if is_inbound:
        begun = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "hélène", "key": "k1"})
        path = f"/v1/sites/S1/callbacks/{begun.json()['callback_id']}"
    send = desk.own.writer.send

    async def without_words(**values: Any) -> None:
        if "desk_log" in values:
            raise UnconfirmedError("the partition of desk-log has no leader")
        await send(**values)

    async def not_read(_: int) -> None:
        raise NotReadError

    with monkeypatch.context() as patch:
        patch.setattr(desk.own.writer, "send", without_words)
        assert code(await floor.ann.http.post(f"{path}/word", json={"word": THREAT})) == "UNCONFIRMED"
        patch.setattr(desk.reader, "to_the_end", not_read)
        said = {"situation": "UNKNOWN", "at": write_instant(now_ms())}
        other = await floor.ann.http.put(f"{path}/result", json={"outcome": "NOT_IDENTIFIED", **said})
        assert (other.status_code, code(other)) == (409, "DURESS")
    same = await floor.ann.http.put(f"{path}/result", json={"outcome": "DURESS_CODE", **said})
    assert same.status_code == 202
    assert [one.outcome for one in desk.scene.values("call-results")] == ["DURESS_CODE"]


async def test_a_word_in_a_view_that_is_old_takes_the_call_again(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    desk.state.claims[0]._holds.clear()  # no page could renew it, and it has run out
    assert code(await floor.ann.word(command, WORD)) == "NOT_HELD"
    desk.reader.age_seconds = 5.5
    assert code(await floor.ann.take(command)) == "STALE"
    assert code(await floor.bob.word(command, WORD)) == "NOT_HELD"
    with frozen(desk):
        assert code(await floor.ann.word(command, WORD)) == "UNCONFIRMED"
    assert (await floor.ann.word(command, WORD)).json()["right"] is True
    assert code(await floor.bob.word(command, WORD)) == "HELD"


@pytest.mark.parametrize("ended", ["RELEASE", "TAKE_OVER", "answered"])
async def test_a_word_in_a_view_that_is_old_takes_nothing_that_is_over_for_its_operator(
    desk: MemoryDesk, floor: Floor, ended: str
) -> None:
    command = await called(desk, floor)
    if ended == "RELEASE":
        assert (await floor.ann.http.post(f"/v1/work/{command}/release")).status_code == 200
    elif ended == "TAKE_OVER":
        assert (await floor.zoe.take(command, over=True)).status_code == 200
    else:
        desk.scene.result(0, command, "NO_ANSWER")
    desk.catch_up()
    desk.state.claims[0]._holds.clear()  # whose ever it was, it has run out
    desk.reader.age_seconds = 5.5
    assert code(await floor.ann.word(command, THREAT)) == "NOT_HELD"
    assert command not in desk.state.tries


@pytest.mark.parametrize(("before", "expected"), [(2, {"right": True, "duress": False, "tries_left": 0}), (3, None)])
async def test_the_log_decides_which_word_was_the_third(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch, before: int, expected: dict[str, Any] | None
) -> None:
    command = await called(desk, floor)
    judge = desk.calls._words.judge

    async def beside_another_desk(*word: Any) -> Any:
        for number in range(before):
            desk.scene.event(number, "WORD_TRIED", command, "WRONG")
        return await judge(*word)

    monkeypatch.setattr(desk.calls._words, "judge", beside_another_desk)
    answer = await floor.ann.word(command, WORD)
    identified = await floor.ann.result(command, "IDENTIFIED", "NORMAL")
    if expected is not None:
        assert (answer.json(), identified.status_code) == (expected, 202)
    else:
        assert (code(answer), code(identified)) == ("NO_TRIES_LEFT", "NOT_VERIFIED")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "who", "word", "right"),
    [(9, "ann", "no", False), (9, "ann", WORD, True), (10, "ann", "no", None), (10, "ann", WORD, None),
     (10, "ann", THREAT, True), (10, "zoe", WORD, True)],
)  # fmt: skip
async def test_the_log_decides_which_wrong_word_for_a_site_was_the_tenth(
    desk: MemoryDesk,
    floor: Floor,
    monkeypatch: pytest.MonkeyPatch,
    before: int,
    who: str,
    word: str,
    right: bool | None,
) -> None:
    command = f"{desk.alarm()}-c1.1"
    worker: Worker = getattr(floor, who)
    assert (await worker.take(command)).status_code == 200
    judge = desk.calls._words.judge

    async def beside_other_calls(*word: Any) -> Any:
        for number in range(before):
            desk.scene.event(0, "WORD_TRIED", f"other-{number}", "WRONG")
        return await judge(*word)

    monkeypatch.setattr(desk.calls._words, "judge", beside_other_calls)
    answer = await worker.word(command, word)
    if right is None:
        assert (answer.status_code, code(answer)) == (403, "TOO_MANY_WRONG_WORDS")
    else:
        assert answer.json()["right"] is right
    if word == WORD:
        identified = await worker.result(command, "IDENTIFIED", "NORMAL")
        assert identified.status_code == (202 if right else 409)


async def test_a_word_that_takes_long_to_hash_leaves_kafka_its_time(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    judge, send = desk.calls._words.judge, desk.own.writer.send
    times = []

    async def judge_for_long(*said: Any) -> str:
        clock.now += 2 * CONFIRM_SECONDS
        return await judge(*said)

    async def send_in_time(**values: Any) -> None:
        times.append(deadline.left(CONFIRM_SECONDS))
        await send(**values)

    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(desk.calls._words, "judge", judge_for_long)
    monkeypatch.setattr(desk.own.writer, "send", send_in_time)
    assert (await floor.ann.word(command, WORD)).json()["right"] is True
    assert times == [CONFIRM_SECONDS]
