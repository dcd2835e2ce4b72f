"""A word that got no answer, and is said again: one try."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from edges.desk import unanswered
from tests.edges.desk.floor import THREAT, WORD, code
from tests.edges.desk.memory import Floor, MemoryDesk, called, frozen

pytestmark = pytest.mark.asyncio


def left(answer: httpx.Response) -> tuple[bool, int]:
    """Whether the word was right, and how many tries are left."""
    body = answer.json()
    return body["right"], body["tries_left"]


def tried(desk: MemoryDesk) -> list[str]:
    """The tries in the log."""
    return [event.detail for event in desk.scene.values("desk-log") if event.action == "WORD_TRIED"]


async def unconfirmed(floor: Floor, command: str, *words: str) -> None:
    for word in words:
        refused = await floor.ann.word(command, word)
        assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")


@pytest.mark.slow
@pytest.mark.parametrize(("word", "right"), [(WORD, True), ("no", False), (THREAT, True)])
async def test_a_word_that_is_said_again_is_one_try(desk: MemoryDesk, floor: Floor, word: str, right: bool) -> None:
    command = await called(desk, floor)
    if word == THREAT:  # its answer is written first, and alone
        with frozen(desk, keeps=True):
            await unconfirmed(floor, command, word, word)
        assert tried(desk) == []
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, word, word, word)
    assert left(await floor.ann.word(command, word)) == (right, 2)
    assert len(tried(desk)) == 1
    assert left(await floor.ann.word(command, word)) == (right, 1), "once it was answered, it is another try"
    assert len({event.event_id for event in desk.scene.values("desk-log")}) == len(tried(desk)) == 2
    assert len(desk.scene.values("call-results")) == (word == THREAT)


async def test_a_caller_whose_word_is_said_again_has_tried_once(desk: MemoryDesk, floor: Floor) -> None:
    begun = await floor.ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "hélène", "key": "k1"})
    path = f"/v1/sites/S1/callbacks/{begun.json()['callback_id']}/word"
    with frozen(desk, keeps=True):
        for _ in range(3):
            assert code(await floor.ann.http.post(path, json={"word": "no"})) == "UNCONFIRMED"
    assert left(await floor.ann.http.post(path, json={"word": WORD})) == (True, 1)
    assert tried(desk) == ["WRONG", "RIGHT"]


async def test_the_third_word_is_answered_when_it_is_said_again(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    for number in range(2):
        await floor.ann.word(command, f"wrong {number}")
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, WORD)
    assert left(await floor.ann.word(command, WORD)) == (True, 0)
    assert code(await floor.ann.word(command, WORD)) == "NO_TRIES_LEFT"
    assert (await floor.ann.result(command, "IDENTIFIED", "NORMAL")).status_code == 202


async def test_the_tenth_wrong_word_for_a_site_is_answered_when_it_is_said_again(
    desk: MemoryDesk, floor: Floor
) -> None:
    for number in range(9):
        desk.scene.event(0, "WORD_TRIED", f"other-{number}", "WRONG")
    command = await called(desk, floor)
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, "no", "no")
    assert left(await floor.ann.word(command, "no")) == (False, 2)
    assert code(await floor.ann.word(command, "no")) == "TOO_MANY_WRONG_WORDS"


async def test_a_word_that_is_lost_is_written_when_it_is_said_again(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk):
        await unconfirmed(floor, command, "no", "no")
    assert left(await floor.ann.word(command, "no")) == (False, 2)
    assert tried(desk) == ["WRONG"]


async def test_words_that_differ_are_a_try_each(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, WORD, "no")
    assert left(await floor.ann.word(command, WORD)) == (True, 0), "by the log, the last one allows a result"
    assert tried(desk) == ["RIGHT", "WRONG", "RIGHT"]
    assert (await floor.ann.result(command, "IDENTIFIED", "NORMAL")).status_code == 202


async def test_a_word_behind_which_another_desk_has_tried_one_is_another_try(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, WORD)
    desk.scene.event(0, "WORD_TRIED", command, "WRONG")
    desk.catch_up()
    assert left(await floor.ann.word(command, WORD)) == (True, 0)
    assert (await floor.ann.result(command, "IDENTIFIED", "NORMAL")).status_code == 202


async def test_the_word_of_another_operator_is_another_try(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, "no")
    assert (await floor.zoe.take(command, over=True)).status_code == 200
    assert left(await floor.zoe.word(command, "no")) == (False, 1)


async def test_a_word_that_is_judged_otherwise_meanwhile_is_another_try(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    with frozen(desk, keeps=True):
        await unconfirmed(floor, command, "no")

    async def judge(*_: Any) -> str:
        return "RIGHT"

    monkeypatch.setattr(desk.calls._words, "judge", judge)
    assert left(await floor.ann.word(command, "no")) == (True, 1)
    assert tried(desk) == ["WRONG", "RIGHT"]


async def test_what_is_never_said_again_is_forgotten(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    desk.home("S2")
    other = f"{desk.alarm('S2', alert_id='A2')}-c1.1"
    assert (await floor.bob.take(other)).status_code == 200
    with frozen(desk):
        await unconfirmed(floor, command, "no")
        monkeypatch.setattr(unanswered, "KEPT_MS", -1)
        assert code(await floor.bob.word(other, "no")) == "UNCONFIRMED"
    assert [*desk.calls._unanswered._tries] == [other]
    assert len(desk.reader.own._waiting) == 1


async def test_a_try_says_nothing_of_its_word(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    with frozen(desk):
        await unconfirmed(floor, command, "plover")
    (kept,) = desk.calls._unanswered._tries.values()
    assert "plover" not in repr(kept)
    assert (await floor.ann.word(command, "plover")).json()["right"] is False
    assert (await floor.ann.word(command, "plover")).json()["right"] is False
    ids = [event.event_id for event in desk.scene.values("desk-log")]
    assert [len(one.removeprefix(f"{command}-word-1-").removeprefix(f"{command}-word-2-")) for one in ids] == [8, 8]
    assert ids[0][-8:] != ids[1][-8:], "chance alone"
