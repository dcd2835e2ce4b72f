"""What Kafka removed before the ledger had it is counted; what was no record to miss is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas import encode
from sinks.errors import Away, Fenced, SinkError
from sinks.observe.metrics import SinkMetrics
from sinks.read import consumer as consumer_module
from sinks.read.consumer import LedgerConsumer
from tests.sinks.bench import EMPTY, Bench
from tests.sinks.conftest import Sink
from tests.sinks.test_topic_admin import CONFIGURATION
from tests.support.times import START
from tests.support.waiting import eventually

ALERT = encode("Alert", {"alert_id": "A1", "site_id": "site", "kind": "INTRUSION", "raised_at": START})


def keep_from(bench: Bench, offset: int) -> None:
    """Remove what is before an offset of the alerts, as retention does."""
    admin = AdminClient({"bootstrap.servers": bench.servers})
    log = TopicPartition(bench.configuration.topic("alerts"), EMPTY, offset)
    for deleted in admin.delete_records([log]).values():
        deleted.result()


def ready_having_missed(bench: Bench, number: int) -> Sink:
    """Start a sink; it judges the logs before it is ready."""
    sink = bench.start()
    eventually(sink.is_ready, "the sink ready")
    assert f'ronde_sink_missed_records_total{{topic="alerts"}} {number}.0' in sink.page("metrics")[1]
    return sink


@pytest.mark.usefixtures("topics")
def test_what_is_gone_from_a_partition_that_was_empty_is_counted_and_at_the_next_start_no_more(bench: Bench) -> None:
    assert ready_having_missed(bench, 0).stop() == 0
    for _ in range(3):
        bench.put("alerts", ALERT)
    keep_from(bench, 3)
    sink = ready_having_missed(bench, 3)
    assert "records are gone that were never in the ledger" in sink.said()
    assert bench.positions("alerts")[EMPTY] == 3
    assert sink.stop() == 0
    ready_having_missed(bench, 0)


@pytest.mark.usefixtures("topics")
def test_a_new_ledger_has_missed_nothing_of_an_old_topic(bench: Bench) -> None:
    for _ in range(3):
        bench.put("alerts", ALERT)
    keep_from(bench, 2)
    ready_having_missed(bench, 0)
    eventually(lambda: bench.positions("alerts")[EMPTY] == 3, "the record that is left in the ledger")


class Parts:
    """The ledger and the broker of a consumer: the partitions' positions, and of those with a leader their bounds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(consumer_module, "topic_ids", lambda *_: {})
        self.claimed = {("ronde.alerts", 0): 5, ("ronde.alerts", 1): 5}
        self.bounds = {("ronde.alerts", 0): (8, 9)}
        self.moved_on: dict[Any, int] = {}
        self.metrics = SinkMetrics()
        self.fails: Exception | None = None
        ledger: Any = SimpleNamespace(claim=lambda *_: dict(self.claimed), move_on=self.move_on)
        offsets: Any = SimpleNamespace(
            firsts=lambda *_: {log: first for log, (first, _) in self.bounds.items()},
            ends=lambda *_: {log: end for log, (_, end) in self.bounds.items()},
        )
        nothing: Any = SimpleNamespace(settle=lambda: None, arrive=lambda _: None, reach=lambda *_: None)
        configuration = CONFIGURATION._replace(consumer={"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        self.consumer = LedgerConsumer(configuration, ledger, nothing, offsets, nothing, nothing, self.metrics)

    def move_on(self, reached: dict[Any, int]) -> None:
        if self.fails is not None:
            raise self.fails
        self.moved_on |= reached

    def claim(self) -> dict[Any, int]:
        return self.consumer._claim(list(self.claimed))

    def missed(self) -> float | None:
        return self.metrics.registry.get_sample_value("ronde_sink_missed_records_total", {"topic": "alerts"})


def test_a_partition_without_a_leader_is_claimed_without_the_look_at_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(monkeypatch)
    assert parts.claim() == {("ronde.alerts", 0): 8, ("ronde.alerts", 1): 5}
    assert parts.moved_on == {("ronde.alerts", 0): 8}
    assert parts.missed() == 3


@pytest.mark.parametrize("error", [Fenced(), Away("postgres", "PostgreSQL is away")], ids=["fenced", "away"])
def test_what_is_gone_is_counted_by_the_assignment_that_moves_past_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    parts = Parts(monkeypatch)
    parts.fails = error
    with pytest.raises(type(error)):
        parts.claim()
    assert parts.missed() == 0
    parts.fails = None
    parts.claim()
    assert parts.missed() == 3


def test_the_clients_position_of_a_former_assignment_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """librdkafka keeps what it last gave out, though that was dropped as the partition was revoked."""
    parts = Parts(monkeypatch)
    log, at = ("ronde.alerts", 1), 120
    client: Any = SimpleNamespace(
        incremental_assign=lambda _: None, position=lambda logs: [TopicPartition(*log, at) for _ in logs]
    )
    parts.claimed = {log: 100}
    parts.consumer._consumer = client
    monkeypatch.setattr(consumer_module, "_MOVE_ON_SECONDS", -1.0)
    parts.consumer._on_assign(client, [TopicPartition(*log)])
    parts.consumer.note_positions()
    assert parts.moved_on == {}
    at = 121
    parts.consumer.note_positions()
    assert parts.moved_on == {log: 121}


def test_what_is_gone_is_not_counted_where_another_topic_ends_the_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(monkeypatch)
    parts.bounds["ronde.alerts", 1] = (0, 4)
    with pytest.raises(SinkError, match="the ledger is at offset 5, the topic ends at 4"):
        parts.claim()
    assert parts.moved_on == {}
