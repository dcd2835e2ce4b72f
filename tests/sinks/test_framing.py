"""Values framed for a schema registry, and a sink without one: a fault of the settings, unless the record's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import schemas
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent
from streams.formats.codec import Codec
from tests.schemas.test_registry import Server
from tests.sinks.bench import EMPTY, Bench
from tests.sinks.compare import assert_same
from tests.sinks.records import encoded, neighbourhoods
from tests.support.waiting import eventually

STRAY: Final = b"\x00\x00\x00\x00\x07value"


def behind_an_id(topic: str) -> bytes:
    """A worker's value behind a registry's id."""
    record = next(record for record in neighbourhoods(partitions=1, sites=5, minutes=60) if record.topic == topic)
    return confluent(7) + encoded(Codec(), record)[SINGLE_OBJECT_SIZE:]


def test_a_framed_value_of_a_worker_is_waited_with_and_nothing_is_refused(bench: Bench) -> None:
    bench.put("decisions", behind_an_id("decisions"))
    bench.put("alerts", behind_an_id("alerts"))
    sink = bench.start()
    reason = eventually(lambda: sink.reasons().get("registry"), "it says that it waits")
    assert "framed for a schema registry, and registry.url is not set" in reason
    assert not sink.is_ready()
    eventually(lambda: 'ronde_sink_failures_total{thing="registry"} 2' in sink.page("metrics")[1], "it tries again")
    assert '"thing": "registry"' in sink.said()
    assert bench.positions("decisions")[EMPTY] == 0
    assert bench.positions("alerts")[EMPTY] == 0
    assert bench.refused() == []


def test_a_framed_input_is_a_bad_record_where_workers_write_without_a_registry(bench: Bench) -> None:
    bench.put("alerts", behind_an_id("alerts"))
    sink = bench.start()
    eventually(lambda: "registry" in sink.reasons(), "it waits as long as no worker has written")
    assert bench.positions("alerts")[EMPTY] == 0
    records = neighbourhoods(partitions=2, sites=5, minutes=60)
    bench.publish(records)
    eventually(lambda: bench.is_whole(records) and bench.positions("alerts")[EMPTY] == 1, "all in the ledger")
    assert_same(bench.ledger, records)
    assert bench.refused() == [("alerts", "UNDECODABLE framed for a schema registry, and registry.url is not set")]
    eventually(sink.is_ready, "the sink ready")


def test_a_value_that_is_none_behind_the_id_either_stops_nothing(bench: Bench) -> None:
    records = neighbourhoods(partitions=2, sites=5, minutes=60)
    bench.publish(records)
    for topic in ("decisions", "readiness", "alerts"):
        bench.put(topic, STRAY)
    bench.put("alerts", behind_an_id("alerts"))
    sink = bench.start()
    eventually(lambda: bench.is_whole(records) and bench.positions("alerts")[EMPTY] == 2, "all in the ledger")
    assert_same(bench.ledger, records)
    none = "UNDECODABLE framed for a schema registry, and none is configured"
    expected = [("alerts", none), ("alerts", none.replace("none is configured", "registry.url is not set"))]
    assert sorted(bench.refused()) == [*expected, ("decisions", none), ("readiness", none)]
    eventually(sink.is_ready, "the sink ready")


def test_what_the_registrys_client_warns_of_is_logged(bench: Bench, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("a file where the folder should be", encoding="utf-8")
    server = Server()
    try:
        server.schemas[7] = {"schema": json.dumps(schemas.load("Alert"))}
        bench.put("alerts", behind_an_id("alerts"))
        sink = bench.start(registry={"url": server.url}, sink={"data_dir": str(data)})
        eventually(lambda: bench.positions("alerts")[EMPTY] == 1, "the record in the ledger")
    finally:
        server.stop()
    assert bench.refused() == []
    assert f"{data} cannot be written" in sink.said()
