"""A logbook put on a broker: the records of `tests.streams.logbook` as a worker and its world had written them."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.contract.topics import INPUT_TOPICS
from streams.settings import Settings
from tests.streams.logbook import Logbook


def publish(book: Logbook, settings: Settings, log: logging.Logger, *, waiting: int = 0) -> None:
    """Write every log to partition 0 of its topic, and commit all inputs but the last ``waiting`` alerts."""
    producer = Producer({**settings.client("producer"), "linger.ms": 5}, logger=log)
    for topic, records in book.logs.items():
        for record in records:
            producer.produce(
                settings.topic(topic),
                record.value,
                record.key,
                0,
                timestamp=record.timestamp,
                headers=record.headers,
            )
    assert producer.flush(20) == 0
    offsets = {topic: len(book.logs[topic]) for topic in INPUT_TOPICS}
    offsets["alerts"] -= waiting
    consumer = Consumer({**settings.client("consumer"), "group.id": settings.worker.group}, logger=log)
    consumer.commit(
        offsets=[TopicPartition(settings.topic(topic), 0, offset) for topic, offset in offsets.items()],
        asynchronous=False,
    )
    consumer.close()
