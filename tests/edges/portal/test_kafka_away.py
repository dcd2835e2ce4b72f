"""Kafka away: changes are taken all the same, and all of them arrive once it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from edges.kafka.framing import Framing
from edges.portal.outbox import backlog
from edges.portal.relay import Relay, RelaySettings
from edges.settings import Connection
from ronde.shared.whole_settings import WholeSettings
from service.postgres_settings import PostgresSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile
from tests.edges.portal.checker import check
from tests.edges.portal.test_relay import write
from tests.edges.portal.test_store import edit, imported
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka


pytestmark = pytest.mark.slow

LONGER_THAN_A_TRANSACTION = 14.0
MINUTES = 180.0


@pytest.fixture
def reached(portal_file: SettingsFile, patient_broker: Kafka, tmp_path: Path) -> Connection:
    """Topics on a broker that may be frozen."""
    made = load(portal_file(kafka={"bootstrap.servers": patient_broker.bootstrap_servers}), {}, WholeSettings)
    create(made)
    return made.for_edge("portal", "test", tmp_path / "edge")


@pytest.fixture
def relays(reached: Connection, schema: PostgresSettings) -> Iterator[list[str]]:
    """Two relays; what they report that is away."""
    framing = Framing(reached)
    writers = {topic: framing.writer(topic) for topic in ("sites", "transmitters")}
    away: list[str] = []

    def report(thing: str, reason: str | None) -> None:
        if reason is not None:
            away.append(thing)

    started = [Relay(RelaySettings(name, reached, schema), lambda: writers, report) for name in "ab"]
    for relay in started:
        relay.start()
    yield away
    for relay in started:
        relay.stop()


def test_a_broker_that_freezes_for_longer_than_a_transaction(
    reached: Connection,
    patient_broker: Kafka,
    schema: PostgresSettings,
    relays: list[str],
    rows: psycopg.Connection[Any],
    seed: int,
    is_soak: bool,
) -> None:
    seconds = MINUTES if is_soak else LONGER_THAN_A_TRANSACTION
    assert seed  # by it `make soak` runs this again, for longer

    def change(revision: int) -> Callable[[Any], Any]:
        return lambda store: store.change("S1", revision, edit("subscription"), lambda site: site)

    write(schema, lambda store: store.load_sites([imported(f"S{n}") for n in range(3)], edit("import")))
    eventually(lambda: backlog(rows)[0] == 0, "all is passed on")
    patient_broker.pause()
    try:
        began = time.monotonic()
        revision = 1
        while time.monotonic() - began < seconds:
            write(schema, change(revision))
            revision += 1
            time.sleep(0.5)
        waiting, age = backlog(rows)
        assert waiting == 1
        assert age > seconds - 3
    finally:
        patient_broker.resume()
    eventually(lambda: backlog(rows)[0] == 0, "all is passed on")
    assert "kafka" in relays
    check(reached, rows)
