"""The clients of a worker: how long each lives, and what ends a worker with one that is lost."""

from __future__ import annotations

import gc
import re

import pytest
from confluent_kafka.admin import AdminClient

from streams.kafka.clients import hasten_group
from streams.worker.preflight import check
from tests.conftest import MakeSettings
from tests.kafka import deaf
from tests.kafka.conftest import WorkerFile
from tests.kafka.world import World
from tests.support.ronde_process import RondeProcess


def test_the_client_that_sets_the_group_s_session_ends_with_its_answer(settings: MakeSettings) -> None:
    """Also when the broker does not allow it: a client that lives on may end the worker, much later."""
    allowed = settings()
    too_short = allowed.worker.model_copy(update={"session_timeout_ms": 500})
    gc.collect()
    before = _clients()
    gc.disable()
    try:
        assert hasten_group(allowed.model_copy(update={"worker": too_short}))
        assert _clients() <= before
    finally:
        gc.enable()


def test_a_check_that_finds_the_broker_away_leaves_no_client(settings: MakeSettings) -> None:
    """A worker that began while its broker was away would carry them all its life."""
    nobody = settings(kafka={"bootstrap.servers": "127.0.0.1:1"})
    before = _clients()
    assert "no Kafka can be reached" in (check(nobody) or "")
    assert _clients() <= before


@pytest.mark.parametrize(
    "known_by", ["auto.offset.reset=error", "isolation.level=read_uncommitted"], ids=["that reads", "that asks"]
)
def test_a_worker_ends_for_clients_that_kafka_does_not_answer(
    world: World, worker_file: WorkerFile, known_by: str
) -> None:
    file = worker_file("a")
    process = RondeProcess("worker", ["worker", "--settings", file], file.with_suffix(".log"), deaf.PYTHON)
    process.start({deaf.VARIABLE: known_by})
    try:
        assert process.wait() == 1
        reason = next(line["reason"] for line in process.lines if line["event"] == "the worker ends")
        assert re.fullmatch(r"a Kafka client of it has had no answer for \d+ s, and Kafka answers another one", reason)
    finally:
        process.kill()


def _clients() -> set[int]:
    """Which there are; other tests may have left some: the report of a failure keeps all that it had."""
    return {id(client) for client in gc.get_objects() if isinstance(client, AdminClient)}
