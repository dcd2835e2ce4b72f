"""What the tests of the desk share: a broker's topics, a worker and a desk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from streams.kafka.topics import create
from tests.conftest import MakeSettings, SettingsFile
from tests.edges.desk.floor import PARTITIONS, DeskProcess, people
from tests.kafka.world import World, worker
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
