"""The clock of a partition's leader was five minutes ahead, and is set right: what is taken from then on is held."""

from __future__ import annotations

from pathlib import Path

import pytest

from edges.values import Claim
from tests.edges.desk import memory
from tests.edges.desk.floor import WORD, code
from tests.edges.desk.memory import Floor, MemoryDesk, Worker

pytestmark = pytest.mark.asyncio
AHEAD_MS = 300_000


class Quiet:
    """Lets time pass at a desk that reads nothing meanwhile."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk

    def __call__(self, seconds: float) -> None:
        log = self._desk.state.claims[0]
        log._read_at -= seconds
        log._heard_at = {subject: at - seconds for subject, at in log._heard_at.items()}
        self._desk.state.dirty.update(log._heard_at)
        self._desk.catch_up()


@pytest.fixture
def quiet(desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch) -> Quiet:
    """A desk whose broker's clock was set back 100 s ago."""
    right = memory.now_ms
    with monkeypatch.context() as patch:
        patch.setattr(memory, "now_ms", lambda: right() + AHEAD_MS)
        desk.write("claims", Claim("id", "S2", None, "c2", "cleo", "PERSON", "TAKE", 60))
        desk.catch_up()
    made = Quiet(desk)
    made(100)
    return made


async def taken(desk: MemoryDesk, worker: Worker) -> str:
    command = f"{desk.alarm()}-c1.1"
    assert (await worker.take(command)).status_code == 200
    return command


def actions(desk: MemoryDesk, subject: str) -> list[tuple[str, str]]:
    return [(value.by, value.action) for value in desk.scene.values("claims") if value.subject == subject]


async def test_who_takes_a_call_holds_it(desk: MemoryDesk, floor: Floor, quiet: Quiet) -> None:
    command = await taken(desk, floor.ann)
    for _ in range(5):
        quiet(20)  # longer than a hold, were it not renewed
        assert (await floor.ann.take(command)).json()["holder"]["by"] == "ann"
    assert code(await floor.bob.take(command)) == "HELD"
    assert (await floor.ann.word(command, WORD)).json()["right"] is True


@pytest.mark.parametrize("way", ["take", "next", "over"])
async def test_a_hold_that_is_over_is_taken_over(desk: MemoryDesk, floor: Floor, quiet: Quiet, way: str) -> None:
    command = await taken(desk, floor.ann)
    quiet(30)
    desk.write("claims", Claim("id", "S2", None, "c3", "cleo", "PERSON", "TAKE", 60))
    quiet(30)  # so the partition was not quiet for as long as the hold lasts
    assert desk.work.items[command].holder is None
    match way:
        case "take":
            answer = await floor.bob.take(command)
        case "next":
            answer = await floor.bob.http.post("/v1/work/next")
        case _:
            answer = await floor.zoe.take(command, over=True)
    assert (answer.status_code, answer.json()["holder"]["by"]) == (200, "zoe" if way == "over" else "bob")
    assert code(await floor.ann.word(command, WORD)) == "HELD"
    assert actions(desk, command)[1:] == [(answer.json()["holder"]["by"], action) for action in ("TAKE", "TAKE_OVER")]


async def test_who_was_heard_of_meanwhile_keeps_it(
    desk: MemoryDesk, floor: Floor, quiet: Quiet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await taken(desk, floor.ann)
    quiet(60)
    desk.write("claims", Claim("id", "S1", None, command, "ann", "PERSON", "TAKE", 60))  # by another desk
    assert desk.state.holder(0, command) is None, "it is not read yet"
    monkeypatch.setattr(desk.reader, "to_the_end", desk.hang)
    refused = await floor.bob.take(command)
    assert (code(refused), refused.json()["holder"]["by"]) == ("HELD", "ann")
    assert actions(desk, command)[-1] == ("bob", "TAKE")


@pytest.mark.parametrize(("seconds", "status"), [(25, 409), (35, 200)])
async def test_who_is_silent_is_so_while_others_claim(
    desk: MemoryDesk, floor: Floor, quiet: Quiet, seconds: float, status: int
) -> None:
    command = await taken(desk, floor.ann)
    quiet(seconds)
    desk.write("claims", Claim("id", "S2", None, "c3", "cleo", "PERSON", "TAKE", 60))
    assert (await floor.bob.take(command, over=True)).status_code == status
