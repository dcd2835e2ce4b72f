"""Many who ask for the next piece of work at once: each gets one of their own, as long as there is any."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edges.desk.deadline import answered_within
from edges.desk.own_records import Operator
from edges.desk.reader import NotReadError
from edges.kafka.errors import UnconfirmedError
from tests.edges.desk.memory import MemoryDesk

pytestmark = pytest.mark.asyncio
NAMES = [f"operator-{number}" for number in range(12)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryDesk:
    """A desk to which Kafka answers after a moment."""
    made = MemoryDesk(tmp_path)
    send = made.own.writer.send

    async def slowly(**values: Any) -> None:
        await asyncio.sleep(0.02)
        await send(**values)

    monkeypatch.setattr(made.own.writer, "send", slowly)
    return made


def alarms(desk: MemoryDesk, count: int) -> None:
    for number in range(count):
        desk.home(f"S{number}", 1)
        desk.alarm(f"S{number}", alert_id=f"A{number}")


async def ask(desk: MemoryDesk, *names: str) -> list[str | None]:
    """What each got, all at once."""
    items = await asyncio.gather(*(desk.holding.next(Operator(name, is_supervisor=False)) for name in names))
    return [None if item is None else item.subject for item in items]


@pytest.mark.parametrize("count", [5, 15])
async def test_all_get_a_piece_of_work_of_their_own(desk: MemoryDesk, count: int) -> None:
    alarms(desk, count)
    got = [subject for subject in await ask(desk, *NAMES) if subject is not None]
    assert len(got) == len(set(got)) == min(count, len(NAMES))
    if count > len(NAMES):
        assert len(desk.scene.values("claims")) == len(NAMES), "nobody ran into anybody"


async def test_who_asks_twice_at_once_gets_one_piece(desk: MemoryDesk) -> None:
    alarms(desk, 3)
    first, again = await ask(desk, "ann", "ann")
    assert first is not None
    assert first == again


async def test_two_incidents_of_a_home_are_not_for_two(desk: MemoryDesk) -> None:
    alarms(desk, 2)
    desk.alarm("S0", "FIRE", "F0")
    ann, bob, cleo = await ask(desk, "ann", "bob", "cleo")
    assert {desk.work.items[subject].site_id for subject in (ann, bob) if subject} == {"S0", "S1"}
    assert cleo is None


async def test_a_home_that_is_calling_about_another_incident_is_not_called(desk: MemoryDesk) -> None:
    alarms(desk, 1)
    security = desk.scene.incident_id
    fire = desk.alarm("S0", "FIRE", "F0")
    ann, bob = (Operator(name, is_supervisor=False) for name in ("ann", "bob"))
    callback = await desk.calls.begin_callback(ann, "S0", security, None, "k1")
    assert await ask(desk, "bob") == [f"{security}-c1.1"]
    assert await ask(desk, "ann") == [None], "bob is in a call about the other one"
    await desk.holding.release(bob, f"{security}-c1.1")
    assert await ask(desk, "ann") == [f"{fire}-c1.1"]
    await desk.holding.release(ann, f"{fire}-c1.1")
    await desk.holding.release(ann, callback)
    assert await ask(desk, "bob") == [f"{fire}-c1.1"]


async def test_who_is_always_too_late_is_not_told_that_there_is_nothing(desk: MemoryDesk) -> None:
    alarms(desk, 15)
    send = desk.own.writer.send

    async def too_late(**values: Any) -> None:
        desk.scene.claim(0, "TAKE", values["claims"].subject, "eve at another desk", 60, values["claims"].site_id)
        await send(**values)

    desk.own.writer.send = too_late  # type: ignore[method-assign]
    with pytest.raises(UnconfirmedError), answered_within(0.25):
        await ask(desk, "ann")
    assert await ask(desk, "ann") == [None], "all is held"


@pytest.mark.parametrize("is_released", [False, True])
async def test_what_was_just_answered_at_another_desk_is_not_next(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch, is_released: bool
) -> None:
    alarms(desk, 2)
    (command,) = await ask(desk, "ann")
    assert command is not None
    read = desk.catch_up
    if is_released:  # which is read before the answer
        desk.scene.claim(0, "RELEASE", command, site_id=desk.work.items[command].site_id)
        read()
    with monkeypatch.context() as patch:
        patch.setattr(desk, "catch_up", lambda: None)  # not read yet
        desk.scene.result(0, command, "NOT_IDENTIFIED", "NORMAL", site_id=desk.work.items[command].site_id)
    told: list[bool] = []

    async def read_the_answer(_: int) -> None:
        told.append(command in desk.work.items)
        read()

    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_the_answer)
    monkeypatch.setattr(desk.reader, "to_the_end", _nothing)
    (following,) = await ask(desk, "ann")
    assert told == [True]
    assert following not in {None, command}


async def _nothing(_: int) -> None: ...


async def test_what_was_just_released_at_another_desk_is_next(desk: MemoryDesk) -> None:
    alarms(desk, 1)
    (command,) = await ask(desk, "ann")
    assert command is not None
    desk.scene.claim(0, "RELEASE", command, site_id="S0")  # not read yet
    assert await ask(desk, "ann") == [command]


async def test_what_another_took_meanwhile_is_not_next(desk: MemoryDesk) -> None:
    alarms(desk, 1)
    (command,) = await ask(desk, "ann")
    assert command is not None
    desk.scene.claim(0, "RELEASE", command, site_id="S0")
    desk.scene.claim(0, "TAKE", command, "bob", 60, "S0")
    assert await ask(desk, "ann") == [None]


async def test_no_answers_are_asked_for_where_claims_cannot_be_read(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_nothing(_: int) -> None:
        raise NotReadError

    async def read_answers(_: int) -> None:
        raise AssertionError("there is no time left for it")

    alarms(desk, 1)
    (command,) = await ask(desk, "ann")
    monkeypatch.setattr(desk.reader, "to_the_end", read_nothing)
    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_answers)
    assert await ask(desk, "ann") == [command]


async def test_what_one_holds_is_next_where_answers_cannot_be_read(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_nothing(_: int) -> None:
        raise NotReadError

    alarms(desk, 2)
    (command,) = await ask(desk, "ann")
    monkeypatch.setattr(desk.reader, "answers_to_the_end", read_nothing)
    assert await ask(desk, "ann") == [command]
