"""What the tests of the desk share: a broker's topics, a worker and a desk; a desk in memory, and who works at it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from edges.web import tokens
from streams.kafka.topics import create
from tests.conftest import MakeSettings, SettingsFile
from tests.edges.desk.floor import PARTITIONS, PASSWORD, DeskProcess, people
from tests.edges.desk.memory import ORIGIN, Floor, MemoryDesk, Worker
from tests.kafka.world import World, worker
from tests.support.browser import served
from tests.support.ronde_process import RondeProcess

StartDesk: TypeAlias = Callable[..., DeskProcess]


@pytest.fixture
def world(settings: MakeSettings, client_log: logging.Logger) -> Iterator[World]:
    """A fresh set of topics, and hands on them."""
    made = settings(topics={"partitions": PARTITIONS})
    create(made)
    hands = World(made, client_log)
    yield hands
    hands.close()


@pytest.fixture
def start_desk(settings_file: SettingsFile, tmp_path: Path, world: World) -> Iterator[StartDesk]:
    """Start a desk; it is killed at the end."""
    people(tmp_path, ann="operator", bob="operator", zoe="supervisor", max="auditor", eve="customer")
    with ExitStack() as stack:

        def start(name: str = "desk-1", **sections: Any) -> DeskProcess:
            desk = DeskProcess(name, settings_file, tmp_path, **sections)
            stack.callback(desk.close)
            desk.start()
            return desk

        yield start


@pytest.fixture
def engine(settings_file: SettingsFile, world: World) -> Iterator[RondeProcess]:
    """A worker on the same topics."""
    with worker(settings_file(topics={"partitions": PARTITIONS}, worker={"catch_up_seconds": 1})) as process:
        yield process


@pytest.fixture
def desk(tmp_path: Path) -> MemoryDesk:
    people(tmp_path, ann="operator", bob="operator", zoe="supervisor")
    made = MemoryDesk(tmp_path)
    made.home()
    return made


@pytest_asyncio.fixture
async def floor(desk: MemoryDesk, tmp_path: Path) -> AsyncIterator[Floor]:
    workers = []
    for name in ("ann", "bob", "zoe"):
        worker = Worker(desk, {"origin": ORIGIN})
        answer = await worker.http.post("/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200
        workers.append(worker)
    token = tokens.add(tmp_path / "tokens.json", "dialler", ("desk",))
    workers.append(Worker(desk, {"authorization": f"Bearer {token}"}))
    yield Floor(*workers)
    for worker in workers:
        await worker.http.aclose()


@pytest.fixture
def address(desk: MemoryDesk) -> Iterator[str]:
    with served(desk.app) as place:
        yield place
        desk.end_streams()
