"""What an error of a Kafka client means to the ledger, and where a consumer stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition

from sinks.errors import Away

if TYPE_CHECKING:
    from sinks.rows.chunk import Log


@contextmanager
def kafka_away() -> Iterator[None]:
    """Turn an error of a client into `Away`."""
    try:
        yield
    except KafkaException as error:
        raise Away("kafka", f"Kafka does not answer: {error.args[0].str()}") from None


def client_positions(consumer: Consumer, logs: Iterable[Log]) -> dict[Log, int]:
    """The offset that the client reads each log at next; below 0 where it has read nothing since it was assigned."""
    positions = consumer.position([TopicPartition(*log) for log in logs])
    return {(log.topic, log.partition): log.offset for log in positions}
