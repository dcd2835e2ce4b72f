"""Desks whose machines' clocks are wrong by an hour, beside an engine: calls are shown, taken, and said to be late."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import SettingsFile
from tests.edges.desk.floor import DeskProcess, contacts, people, stream
from tests.faults.jumping import Clock
from tests.kafka.world import World
from tests.support.ronde_process import RondeProcess

HOUR = 3600


@pytest.fixture
def desks(settings_file: SettingsFile, world: World, tmp_path: Path) -> Iterator[dict[int, DeskProcess]]:
    """A desk an hour ahead and one an hour behind, by the hours."""
    people(tmp_path, ann="operator", bob="operator")
    with ExitStack() as stack:
        started = {}
        for hours in (1, -1):
            clock = Clock(tmp_path / f"clock{hours}")
            clock.set(hours * HOUR)
            desk = started[hours] = DeskProcess(f"desk{hours}", settings_file, tmp_path, Clock.python)
            stack.callback(desk.close)
            desk.start(clock.environment)
        yield started


def test_a_wrong_clock(world: World, engine: RondeProcess, desks: dict[int, DeskProcess]) -> None:
    engine.wait_ready()
    ann, bob = desks[1].operator("ann"), desks[-1].operator("bob")
    for number, who in enumerate((ann, bob)):
        site_id = f"S{number}"
        world.site(site_id, contacts=contacts(site_id))
        world.wait_for(site_id, "readiness")
        world.alert(site_id, "A1")
        subject = who.wait_call(site_id)["subject"]
        assert who.take(subject).json()["holder"]["by"] == who.name
        made = re.search(r'data-now="(\d+)"', who.http.get(f"/work/{subject}").text)
        assert made is not None
        assert abs(int(made[1]) / 1000 - time.time()) < HOUR / 2, "the page counts by the broker's clock"
        said = who.result(subject, "NOT_IDENTIFIED", "NORMAL")
        assert (said.status_code, said.json()["late"]) == (202, False)
    for who, hours in ((ann, 1), (bob, -1)):
        events = stream(who)
        _, _, age = next(event for event in events if event[1] == "age" and event[2]["clock_ms"])
        events.close()
        assert abs(age["clock_ms"] / 1000 + hours * HOUR) < HOUR / 2
