"""A worker whose clock is ahead: Kafka refuses its records, and the end says that the clocks differ."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from confluent_kafka import Consumer

from streams.kafka import clients
from streams.kafka.topics import create
from streams.observe.metrics import Metrics
from streams.pipeline.batch import OutputBatch
from streams.pipeline.publish import TooManyAbortsError, Transactions
from tests.conftest import MakeSettings


def test_a_time_that_kafka_refuses_is_told_as_such(settings: MakeSettings) -> None:
    made = settings(topics={"partitions": 1})
    create(made)
    transactions = Transactions(clients.producer(made, Metrics()), cast("Consumer", None), aborts_per_minute=0)
    transactions.begin()
    batch: Any = OutputBatch()
    ahead = time.time_ns() // 1_000_000 + 2 * 3600 * 1000
    batch.records.append((made.topic("decisions"), b"value", b"S1", 0, None, None, ahead))
    with pytest.raises(TooManyAbortsError, match=r"INVALID_TIMESTAMP: .* set the clocks right"):
        transactions.commit(batch)
