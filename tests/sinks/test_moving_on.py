"""The ledger's positions go past what has no record: markers of transactions, and what Kafka removed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from service.lost_leader import Standstill
from sinks.database.migrate import migrate
from sinks.errors import Fenced
from sinks.observe.metrics import SinkMetrics
from sinks.observe.readiness import SinkReadiness
from sinks.process.session import Session
from sinks.read import consumer
from sinks.write.ledger import Ledger
from tests.sinks.bench import EMPTY, Bench
from tests.sinks.conftest import Sink
from tests.sinks.records import neighbourhoods
from tests.support.waiting import eventually


@pytest.fixture
def removed(bench: Bench) -> Callable[[str, int], None]:
    """Have Kafka remove what a partition of a topic has."""
    admin = AdminClient({"bootstrap.servers": bench.servers})

    def remove(topic: str, partition: int) -> None:
        place = TopicPartition(bench.configuration.topic(topic), partition, -1)
        admin.delete_records([place])[place].result()

    return remove


def missed(sink: Sink) -> list[str]:
    """The lines of the metric of what the ledger lacks that are not 0."""
    lines = sink.page("metrics")[1].splitlines()
    return [line for line in lines if line.startswith("ronde_sink_missed_records_total") and not line.endswith(" 0.0")]


def test_what_kafka_removed_is_counted_once_however_often_sinks_start(
    bench: Bench, removed: Callable[[str, int], None]
) -> None:
    bench.fill(neighbourhoods(partitions=1, sites=5, minutes=60)).stop()
    end = bench.positions("alerts")[0]
    bench.ledger.execute(
        "UPDATE ledger.positions SET next_offset = next_offset - 2 WHERE topic = %s AND kafka_partition = 0",
        (bench.configuration.topic("alerts"),),
    )
    removed("alerts", 0)

    first = bench.start()
    eventually(first.is_ready, "the first sink ready")
    assert missed(first) == ['ronde_sink_missed_records_total{topic="alerts"} 2.0']
    assert bench.positions("alerts")[0] == end
    assert first.stop() == 0
    second = bench.start()
    eventually(second.is_ready, "the second sink ready")
    assert missed(second) == []


def test_a_quiet_log_whose_records_grew_too_old_has_lost_nothing(
    bench: Bench, removed: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the marker of a transaction, which Kafka removes with the record before."""
    monkeypatch.setattr(consumer, "_MOVE_ON_SECONDS", 0.0)
    producer = Producer({"bootstrap.servers": bench.servers, "transactional.id": bench.configuration.topic("a-worker")})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(bench.configuration.topic("alerts"), b"none", b"site", EMPTY)
    producer.commit_transaction()

    stopping = threading.Event()
    with closing(Session(bench.configuration, None, Standstill(), SinkReadiness(), SinkMetrics())) as session:
        running = threading.Thread(target=session.run, args=(stopping,))
        running.start()
        try:
            eventually(lambda: bench.positions("alerts")[EMPTY] == 2, "the position beyond the marker")
        finally:
            stopping.set()
            running.join()

    removed("alerts", EMPTY)
    after = bench.start()
    eventually(after.is_ready, "the sink ready")
    assert missed(after) == []


def test_a_sink_of_the_past_moves_nothing(ledger: psycopg.Connection[Any]) -> None:
    migrate(ledger)
    log = ("ronde.alerts", 0)
    with psycopg.connect(ledger.info.dsn, autocommit=True) as other:
        first, second = Ledger(ledger, "first"), Ledger(other, "second")
        first.claim([log])
        first.move_on({log: 3})
        assert second.claim([log]) == {log: 3}
        with pytest.raises(Fenced):
            first.move_on({log: 5})
        second.move_on({log: 2})
        assert first.claim([log]) == {log: 3}, "and none moves back"
