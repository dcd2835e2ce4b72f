"""A broker that is killed while a sink is being assigned: the sink waits and goes on; its process does not end."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import psycopg
import pytest

from ronde.local.kafka import Kafka
from ronde.shared.errors import Failed
from tests.conftest import SettingsFile
from tests.sinks.bench import is_whole
from tests.sinks.conftest import Sink
from tests.sinks.records import Record, neighbourhoods
from tests.support.brokers import node
from tests.support.waiting import PATIENCE, eventually


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker for these tests alone, because they kill it."""
    yield from node(tmp_path_factory.mktemp("killed"))


def test_a_broker_may_be_killed_while_a_sink_is_being_assigned(
    seed: int,
    is_soak: bool,
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    kafka: Kafka,
) -> None:
    """The sink is stopped right before it asks where the topics begin and end; it asks as the broker goes away."""
    records = neighbourhoods(partitions=3, sites=5, minutes=60)
    publish(records)
    file = sink_file()
    first = sink(file)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert first.stop() == 0

    moments = random.Random(seed)
    kills = 20 if is_soak else 1
    for _ in range(kills):
        assigned = sink(file, fault="after_claim:1:stop")
        process = psutil.Process(assigned.process.pid)
        eventually(lambda process=process: process.status() == psutil.STATUS_STOPPED, "the sink has claimed")  # type: ignore[misc]  # mypy: the default binds it
        assigned.process.send_signal(signal.SIGCONT)
        time.sleep(moments.random() * 0.02)  # an answer takes some milliseconds
        kafka.kill()
        time.sleep(moments.random() * 2)
        restart(kafka)
        eventually(lambda one=assigned: one.process.poll() is not None or one.is_ready(), "it goes on", 2 * PATIENCE)  # type: ignore[misc]  # as above
        assert assigned.process.poll() is None, assigned.said()
        assigned.stop()  # it leaves the group, so that the next one need not wait for its end


def restart(kafka: Kafka) -> None:
    """Start the broker after its kill; on a busy machine that takes it long, and this is no test of it."""
    for attempts_left in reversed(range(5)):
        try:
            kafka.start()
        except Failed:
            if not attempts_left:
                raise
        else:
            return
