"""The clients of a worker: how long each lives."""

from __future__ import annotations

import gc

from confluent_kafka.admin import AdminClient

from streams.kafka.clients import hasten_group
from streams.worker.preflight import check
from tests.conftest import MakeSettings


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


def _clients() -> set[int]:
    """Which there are; other tests may have left some: the report of a failure keeps all that it had."""
    return {id(client) for client in gc.get_objects() if isinstance(client, AdminClient)}
