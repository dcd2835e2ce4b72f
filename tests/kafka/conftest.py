"""What the tests of the worker share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from streams.kafka.topics import create
from tests.conftest import MakeSettings, SettingsFile
from tests.kafka.world import World

# Two workers hold two each, so that one of them has a partition beside the one that matters.
PARTITIONS: Final = 4

WorkerFile: TypeAlias = Callable[..., Path]


@pytest.fixture
def world(settings: MakeSettings, client_log: logging.Logger) -> Iterator[World]:
    """A fresh set of topics, and hands on them."""
    made = settings(topics={"partitions": PARTITIONS})
    create(made)
    world = World(made, client_log)
    yield world
    world.close()


@pytest.fixture
def worker_file(settings_file: SettingsFile) -> WorkerFile:
    """Write the settings of a worker: its id, its other settings, and times (seconds) of its security procedure."""

    def write(name: str, times: dict[str, int] | None = None, **worker: Any) -> Path:
        sections: dict[str, Any] = {"topics": {"partitions": PARTITIONS}, "worker": {"id": name, **worker}}
        if times:
            sections["procedures"] = {"SECURITY": {"version": "security/test", **times}}
        return settings_file(**sections)

    return write
