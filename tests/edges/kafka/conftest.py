"""What the tests of the edges' Kafka share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edges.settings import Connection
from ronde.shared.whole_settings import WholeSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka


@pytest.fixture
def connection(settings_file: SettingsFile, tmp_path: Path) -> Connection:
    """A fresh set of topics, of three partitions, and how a receiver reaches them."""
    return _connection(settings_file(), tmp_path)


@pytest.fixture
def connection_to_freeze(settings_file: SettingsFile, patient_broker: Kafka, tmp_path: Path) -> Connection:
    """The same on a broker that may be frozen."""
    return _connection(settings_file(kafka={"bootstrap.servers": patient_broker.bootstrap_servers}), tmp_path)


def _connection(file: Path, folder: Path) -> Connection:
    made = load(file, {}, WholeSettings)
    create(made)
    return made.for_edge("receiver", "test", folder / "edge")
