"""Values framed for a schema registry, and a sink without one: a fault of the settings, unless the record's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from confluent_kafka import Producer

import schemas
from ronde.local.kafka import Kafka
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent
from sinks.settings import Configuration
from streams.formats.codec import Codec
from tests.conftest import SettingsFile
from tests.schemas.test_registry import Server
from tests.sinks.compare import assert_same
from tests.sinks.conftest import Sink
from tests.sinks.records import Record, encoded, neighbourhoods
from tests.sinks.test_sink import is_whole, positions_of
from tests.support.waiting import eventually

STRAY: Final = b"\x00\x00\x00\x00\x07value"


def behind_an_id(topic: str) -> bytes:
    """A worker's value behind a registry's id."""
    record = next(record for record in neighbourhoods(partitions=1, sites=5, minutes=60) if record.topic == topic)
    return confluent(7) + encoded(Codec(), record)[SINGLE_OBJECT_SIZE:]


@pytest.fixture
def put(configuration: Configuration, kafka: Kafka) -> Callable[[str, bytes], None]:
    """Put a value on a topic, in a partition that nothing else is in."""

    def produce(topic: str, value: bytes) -> None:
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(configuration.topic(topic), value, b"site", 2)
        assert producer.flush(10) == 0

    return produce


def refused(ledger: psycopg.Connection[Any]) -> list[Any]:
    return ledger.execute("SELECT topic, reason FROM ledger.refused").fetchall()


def test_a_framed_value_of_a_worker_is_waited_with_and_nothing_is_put_away(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    put: Callable[[str, bytes], None],
) -> None:
    put("decisions", behind_an_id("decisions"))
    put("alerts", behind_an_id("alerts"))
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
    put: Callable[[str, bytes], None],
) -> None:
    put("alerts", behind_an_id("alerts"))
    running = sink(sink_file())
    eventually(lambda: "registry" in running.reasons(), "it waits as long as no worker has written")
    assert positions_of(ledger, "alerts")[2] == 0
    records = neighbourhoods(partitions=2, sites=5, minutes=60)
    publish(records)
    eventually(lambda: is_whole(ledger, records) and positions_of(ledger, "alerts")[2] == 1, "all in the ledger")
    assert_same(ledger, records)
    assert refused(ledger) == [("alerts", "UNDECODABLE framed for a schema registry, and registry.url is not set")]
    eventually(running.is_ready, "the sink ready")


def test_a_value_that_is_none_behind_the_id_either_stops_nothing(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    put: Callable[[str, bytes], None],
) -> None:
    records = neighbourhoods(partitions=2, sites=5, minutes=60)
    publish(records)
    for topic in ("decisions", "readiness", "alerts"):
        put(topic, STRAY)
    put("alerts", behind_an_id("alerts"))
    running = sink(sink_file())
    eventually(lambda: is_whole(ledger, records) and positions_of(ledger, "alerts")[2] == 2, "all in the ledger")
    assert_same(ledger, records)
    none = "UNDECODABLE framed for a schema registry, and none is configured"
    expected = [("alerts", none), ("alerts", none.replace("none is configured", "registry.url is not set"))]
    assert sorted(refused(ledger)) == [*expected, ("decisions", none), ("readiness", none)]
    eventually(running.is_ready, "the sink ready")


def test_what_the_registrys_client_warns_of_is_logged(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    put: Callable[[str, bytes], None],
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.write_text("a file where the folder should be", encoding="utf-8")
    server = Server()
    try:
        server.schemas[7] = {"schema": json.dumps(schemas.load("Alert"))}
        put("alerts", behind_an_id("alerts"))
        running = sink(sink_file(registry={"url": server.url}, sink={"data_dir": str(data)}))
        eventually(lambda: positions_of(ledger, "alerts")[2] == 1, "the record in the ledger")
    finally:
        server.stop()
    assert refused(ledger) == []
    assert f"{data} cannot be written" in running.said()
    assert publish is not None
