"""Values framed for a schema registry, and a sink without one: a fault of the settings, unless the record's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest
from confluent_kafka import Producer

from ronde.local.kafka import Kafka
from sinks.settings import Configuration
from tests.conftest import SettingsFile
from tests.sinks.compare import assert_same
from tests.sinks.conftest import Sink
from tests.sinks.records import Record, neighbourhoods
from tests.sinks.test_sink import is_whole, positions_of
from tests.support.waiting import eventually

FRAMED: Final = b"\x00\x00\x00\x00\x07value"


@pytest.fixture
def put(configuration: Configuration, kafka: Kafka) -> Callable[[str], None]:
    """Put a framed value on a topic, in a partition that nothing else is in."""

    def produce(topic: str) -> None:
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(configuration.topic(topic), FRAMED, b"site", 2)
        assert producer.flush(10) == 0

    return produce


def refused(ledger: psycopg.Connection[Any]) -> list[Any]:
    return ledger.execute("SELECT topic, reason FROM ledger.refused").fetchall()


def test_a_framed_value_of_a_worker_is_waited_with_and_nothing_is_put_away(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    put: Callable[[str], None],
) -> None:
    put("decisions")
    put("alerts")
    running = sink(sink_file())
    reason = eventually(lambda: running.reasons().get("registry"), "it says that it waits")
    assert "framed for a schema registry, and registry.url is not set" in reason
    assert not running.is_ready()
    eventually(lambda: 'ronde_sink_failures_total{thing="registry"} 2' in running.page("metrics")[1], "it tries again")
    assert '"thing": "registry"' in running.said()
    assert positions_of(ledger, "decisions")[2] == 0
    assert positions_of(ledger, "alerts")[2] == 0
    assert refused(ledger) == []
    assert publish is not None


def test_a_framed_input_is_a_bad_record_where_workers_write_without_a_registry(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    put: Callable[[str], None],
) -> None:
    put("alerts")
    running = sink(sink_file())
    eventually(lambda: "registry" in running.reasons(), "it waits as long as no worker has written")
    assert positions_of(ledger, "alerts")[2] == 0
    records = neighbourhoods(partitions=2, sites=5, minutes=60)
    publish(records)
    eventually(lambda: is_whole(ledger, records) and positions_of(ledger, "alerts")[2] == 1, "all in the ledger")
    assert_same(ledger, records)
    assert refused(ledger) == [("alerts", "UNDECODABLE framed for a schema registry, and none is configured")]
    eventually(running.is_ready, "the sink ready")
