"""A relay killed or put to sleep at each of its steps, another beside it: never an older record after a newer."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from edges.database.postgres import opened, pool
from edges.portal import changes
from edges.portal.configuration import Configuration
from edges.portal.faults import POINTS
from edges.portal.outbox import backlog
from edges.portal.store import Store
from edges.settings import Connection
from service.postgres_settings import PostgresSettings
from tests.conftest import SettingsFile
from tests.edges.portal.checker import check
from tests.edges.portal.test_store import edit, imported
from tests.support import warm
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


class Child:
    """A relay's process; it fails at a point once the file ``when`` is there."""

    def __init__(self, settings: Path, owner: str, fault: str | None, when: Path, log: Path) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
        if fault is not None:
            environ |= {POINTS.variable: fault, f"{POINTS.variable}_WHEN": str(when)}
        with log.open("wb") as output:
            self.process = warm.start([str(settings), owner], environ, output, "tests.edges.portal.relay_child")

    def has_failed(self) -> bool:
        """Whether it is dead or asleep."""
        if self.process.poll() is not None:
            return True
        try:
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):  # it ends at this moment: `poll` will say so
            return False
        return state == "T"

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        if self.process.poll() is None:
            self.wake()
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def child(portal_file: SettingsFile, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start a relay: ``child("a", "after_read:1:stop")``. All are killed at the end."""
    started: list[Child] = []
    settings = portal_file()

    def start(owner: str, fault: str | None = None) -> Child:
        log = tmp_path / f"relay-{len(started)}.log"
        started.append(Child(settings, owner, fault, tmp_path / "now", log))
        return started[-1]

    yield start
    for one in started:
        one.end()


def change(schema: PostgresSettings, site_id: str, revisions: range) -> None:
    """Make revisions of a site, one after the other."""

    async def run() -> None:
        async with opened(pool(schema, "test")) as connections:
            store = Store(connections)
            for revision in revisions:
                await store.change(site_id, revision, edit("subscription"), lambda site: site)

    asyncio.run(run())


def load(schema: PostgresSettings) -> None:
    async def run() -> None:
        async with opened(pool(schema, "test")) as connections:
            await Store(connections).load_sites([imported(f"S{n}") for n in range(3)], edit("import"))

    asyncio.run(run())


@pytest.mark.parametrize("action", ["kill", "stop"])
@pytest.mark.parametrize("point", POINTS.points)
def test_at_each_step(
    point: str,
    action: str,
    child: Callable[..., Child],
    connection: Connection,
    schema: PostgresSettings,
    rows: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    def is_passed_on() -> bool:
        return backlog(rows)[0] == 0

    load(schema)
    at_start = point in {"after_take", "after_init"}
    if at_start:
        (tmp_path / "now").touch()
    first = child("a", f"{point}:1:{action}")
    if not at_start:
        eventually(is_passed_on, "the first relay works")
        (tmp_path / "now").touch()
    change(schema, "S1", range(1, 4))
    eventually(first.has_failed, "the first relay fails")
    child("b")
    change(schema, "S1", range(4, 8))
    change(schema, "S2", range(1, 3))
    eventually(is_passed_on, "the second relay passes on what is new")
    check(connection, rows)
    if action == "stop":
        first.wake()  # what it had read or written before it slept must not reach the topic any more
        change(schema, "S1", range(8, 12))
        eventually(is_passed_on, "they go on")
        check(connection, rows)


def any_change(random: Random) -> Callable[[Configuration], Configuration]:
    """One of the changes that a site's people make."""
    return random.choice(
        [
            lambda site: changes.with_subscription(site, subscribed=not site.subscribed),
            lambda site: changes.with_intervention(site, enabled=not site.intervention.enabled),
            lambda site: changes.with_instructions(site, f"revision {site.revision + 1}"),
            lambda site: changes.with_second_contact(site, None),
        ]
    )


def edit_for(seconds: float, seed: int, schema: PostgresSettings, disturb: Callable[[Random], None]) -> int:
    """Change, delete and make sites in any order; how many changes were made."""
    random = Random(seed)

    async def run() -> int:
        made = 0
        end = time.monotonic() + seconds
        async with opened(pool(schema, "test")) as connections:
            store = Store(connections)
            while time.monotonic() < end:
                site_id = f"S{random.randrange(4)}"
                site = await store.site(site_id)
                if site is None:
                    await store.load_sites([imported(site_id)], edit("import"))
                elif random.random() < 0.05:
                    await store.delete(site_id, site.configuration.revision, edit("deletion"))
                else:
                    await store.change(site_id, site.configuration.revision, edit("name"), any_change(random))
                made += 1
                if random.random() < 0.05:
                    await asyncio.to_thread(disturb, random)
        return made

    return asyncio.run(run())


def test_any_order_of_edits_while_relays_die_sleep_and_come_back(
    seed: int,
    is_soak: bool,
    child: Callable[..., Child],
    connection: Connection,
    schema: PostgresSettings,
    rows: psycopg.Connection[Any],
) -> None:
    running = [child("a"), child("b")]

    def disturb(random: Random) -> None:
        at = random.randrange(len(running))
        match random.choice(["kill", "stop", "wake", "wake"]):
            case "kill":
                running[at].end()
                running[at] = child(f"{at}-{random.random()}")
            case "stop":
                running[at].process.send_signal(signal.SIGSTOP)
            case _:
                for one in running:
                    one.wake()

    assert edit_for(120 if is_soak else 12, seed, schema, disturb) > 20
    for one in running:
        one.wake()
    eventually(lambda: backlog(rows)[0] == 0, "all is passed on")
    check(connection, rows)
