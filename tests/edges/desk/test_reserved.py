"""After Kafka stood still: what was held when it began is its holders' for 20 s, and no longer than they want it."""

from __future__ import annotations

import pytest

from edges.desk import reserved
from edges.desk.broker_clock import BrokerClock
from edges.web.values import write_instant
from tests.edges.desk.floor import code
from tests.edges.desk.memory import Floor, MemoryDesk, called

pytestmark = pytest.mark.asyncio


async def stood_still(desk: MemoryDesk, floor: Floor, seconds: float) -> str:
    """A call that ann held as it began; it is over now."""
    command = await called(desk, floor)
    desk.reserved.watch_ages([6.0])
    log = desk.state.claims[0]
    log._read_at -= seconds
    log._heard_at[command] -= seconds
    if seconds > 60:
        log._holds.clear()
    desk.state.dirty.add(command)
    desk.catch_up()
    desk.reserved.watch_ages([0.1])
    return command


@pytest.mark.parametrize("seconds", [40, 70])  # the hold is still in force, or has run out
async def test_nobody_but_a_supervisor_takes_over_at_once(desk: MemoryDesk, floor: Floor, seconds: float) -> None:
    command = await stood_still(desk, floor, seconds)
    refused = await floor.bob.take(command, over=True)
    assert (refused.status_code, code(refused), refused.json()["holder"]["by"]) == (409, "HELD", "ann")
    assert (await floor.zoe.take(command, over=True)).json()["holder"]["by"] == "zoe"


@pytest.mark.parametrize("seconds", [40, 70])
async def test_anybody_takes_over_twenty_seconds_later(
    desk: MemoryDesk, floor: Floor, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await stood_still(desk, floor, seconds)
    now = desk.clock.now()
    for after, status in ((reserved.OFFERED_MS - 1000, 409), (reserved.OFFERED_MS + 1000, 200)):
        monkeypatch.setattr(BrokerClock, "now", lambda _, at=now + after: at)
        assert (await floor.bob.take(command, over=True)).status_code == status


async def test_its_holder_takes_it_at_once(desk: MemoryDesk, floor: Floor) -> None:
    command = await stood_still(desk, floor, 70)
    assert (await floor.ann.take(command, over=True)).json()["holder"]["by"] == "ann"


@pytest.mark.parametrize("way", ["take", "next"])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_what_its_holder_releases_is_free(desk: MemoryDesk, floor: Floor, way: str, *, elsewhere: bool) -> None:
    command = await stood_still(desk, floor, 40)
    if elsewhere:
        desk.scene.claim(0, "RELEASE", command)
        desk.catch_up()
    else:
        assert (await floor.ann.http.post(f"/v1/work/{command}/release")).status_code == 200
    answer = await (floor.bob.take(command) if way == "take" else floor.bob.http.post("/v1/work/next"))
    assert (answer.status_code, answer.json()["holder"]["by"]) == (200, "bob")


async def test_who_is_refused_learns_for_how_long(desk: MemoryDesk, floor: Floor) -> None:
    command = await stood_still(desk, floor, 70)
    refused = await floor.bob.take(command)
    kept = desk.reserved.of(command)
    assert kept is not None
    assert 0 < kept.until - desk.clock.now() <= reserved.OFFERED_MS
    assert refused.json()["holder"]["until"] == write_instant(kept.until)
