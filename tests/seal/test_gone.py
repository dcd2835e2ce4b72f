"""What Kafka removed before it was sealed is counted, once; a transaction's marker is nothing to seal."""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from structlog.testing import capture_logs

from ronde.shared.whole_settings import WholeSettings
from seal.errors import AwayError
from seal.metrics import SealMetrics
from seal.sealing import Sealing
from seal.store import Store, connect, make_schema
from tests.support.waiting import eventually


def no_leader() -> tuple[int, int]:
    raise AwayError("kafka", "nobody leads it")


def test_what_is_gone_is_counted_once_and_a_transactions_marker_is_not(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = house
    producer = Producer({**settings.client("producer"), "transactional.id": "alerts"}, logger=client_log)
    producer.init_transactions(30)
    reader = Consumer(
        {**settings.client("consumer"), "group.id": "nobody", "isolation.level": "read_committed"}, logger=client_log
    )
    log = TopicPartition(settings.topic("alerts"), 0)
    admin = AdminClient(settings.client("admin"), logger=client_log)

    def write(end: int) -> None:
        producer.begin_transaction()
        producer.produce(settings.topic("alerts"), b"?", b"S1", 0)
        producer.commit_transaction(30)  # the marker comes a moment later
        eventually(lambda: reader.get_watermark_offsets(log, 10) == (end - 2, end), "the record and its marker")

    def remove(end: int) -> None:
        for deleted in admin.delete_records([TopicPartition(log.topic, 0, end)]).values():
            deleted.result()

    def missed() -> float:
        metrics = SealMetrics()
        with connect(settings.postgres) as connection:
            make_schema(connection)
            sealing = Sealing(settings.for_seal(), Store(connection), metrics)
            with closing(sealing), suppress(AwayError):
                sealing.once()
        return float(metrics.missed.labels("alerts")._value.get())

    write(2)
    assert missed() == 0
    remove(2)
    assert missed() == 0, "the record was sealed, and behind it is a marker"
    write(4)
    remove(4)
    with monkeypatch.context() as leaderless:
        bounds = Sealing._bounds
        leaderless.setattr(
            Sealing, "_bounds", lambda self, log: bounds(self, log) if log[0] == "alerts" else no_leader()
        )
        assert missed() == 0, "it did not begin"
    with capture_logs() as logged:
        assert missed() == 2, "a record and its marker"
    (gone,) = (line for line in logged if line["log_level"] == "error")
    assert gone == {
        "event": "records are gone that were never sealed",
        "log_level": "error",
        "topic": log.topic,
        "offsets": {0: (2, 4)},
    }
    assert missed() == 0
    reader.close()
