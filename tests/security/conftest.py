"""What these tests share: one secured broker a run, and users of their own a test."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ronde.local.kafka import Kafka
from ronde.shared.whole_settings import WholeSettings
from streams.kafka.topics import create
from streams.settings import Settings, load
from tests.conftest import Run, SettingsFile
from tests.kafka.world import World
from tests.security.broker import SecureKafka, User

PARTITIONS = 2


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """The secured broker of this run."""
    folder = tmp_path_factory.mktemp("secure-kafka")
    broker = SecureKafka(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.node.kill()  # nobody needs what it would bring in order
        shutil.rmtree(broker.node.folder / "data", ignore_errors=True)


@pytest.fixture(scope="session")
def kafka(secure_kafka: SecureKafka) -> Kafka:
    """In this folder, the broker of all other tests is not needed."""
    return secure_kafka.node


class House:
    """What a test has on the secured broker: topics of its own prefix, and the users who come to them."""

    def __init__(self, broker: SecureKafka, settings_file: SettingsFile, run: Run, prefix: str) -> None:
        self.broker = broker
        self.prefix = prefix
        self._settings_file = settings_file
        self._run = run

    def file(self, user: User, **sections: Any) -> Path:
        """A settings file of a user; sections go over the usual ones, those of ``kafka`` too."""
        given = sections.pop("kafka", {})
        kafka = given if isinstance(given, str) else {**self.broker.properties(user), **given}
        sections = {"topics": {"partitions": PARTITIONS}, "sink": {"group": f"{self.prefix}ledger"}, **sections}
        return self._settings_file(kafka=kafka, **sections)

    def settings(self, user: User, **sections: Any) -> Settings:
        return load(self.file(user, **sections), {}, WholeSettings)

    def admit(self, role: str) -> User:
        """A new user, whom the administrator gives the rules of a role."""
        user = self.broker.user(role)
        self.allow(user, role)
        return user

    def allow(self, user: User, role: str) -> None:
        file = self.file(self.broker.admin)
        done = self._run("topics", "acl", "--role", role, "--principal", user.principal, "--apply", "--settings", file)
        assert done.exit == 0, done.err


@pytest.fixture
def house(secure_kafka: SecureKafka, settings_file: SettingsFile, run: Run, prefix: str) -> House:
    """The names of a fresh set of topics, which are not there yet, and users."""
    return House(secure_kafka, settings_file, run, prefix)


@pytest.fixture
def topics(house: House) -> Settings:
    """These topics, made by the administrator; his settings."""
    settings = house.settings(house.broker.admin)
    create(settings)
    return settings


@pytest.fixture
def world(topics: Settings, client_log: logging.Logger) -> Iterator[World]:
    """The administrator's hands on all topics."""
    world = World(topics, client_log)
    yield world
    world.close()
