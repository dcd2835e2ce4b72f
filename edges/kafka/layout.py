"""Which partitions the topics have on the broker, and who leads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from edges.kafka.errors import TopicsDifferError
from schemas.contract.topics import Log

if TYPE_CHECKING:
    from edges.settings import Connection

_NO_LEADER = -1


class Layout:
    """Asks any client for topics, named without prefix."""

    def __init__(self, connection: Connection, topics: Iterable[str]) -> None:
        self._connection = connection
        self._topics = tuple(topics)

    def leaders(self, client: Consumer | Producer, seconds: float) -> dict[Log, int | None]:
        """The broker that leads each partition; None: nobody does.

        Raises `TopicsDifferError`, and `KafkaException` when the broker does not answer within ``seconds`` a topic.
        """
        found: dict[Log, int | None] = {}
        for topic in self._topics:
            name = self._connection.topic(topic)
            metadata = client.list_topics(name, timeout=seconds).topics[name]
            if metadata.error is not None:
                raise _difference(name, metadata.error)
            if len(metadata.partitions) != self._connection.partitions:
                raise TopicsDifferError(
                    f"topic {name} has {len(metadata.partitions)} partitions, and topics.partitions is "
                    f"{self._connection.partitions}: see `ronde topics check`"
                )
            for number, partition in metadata.partitions.items():
                found[topic, number] = None if partition.leader == _NO_LEADER else partition.leader
        return found


def _difference(name: str, error: KafkaError) -> Exception:
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return TopicsDifferError(f"there is no topic {name}: correct `prefix`, or make it with `ronde topics create`")
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return TopicsDifferError(f"the broker does not let us use topic {name}: see `ronde topics acl`")
    return KafkaException(error)


def offsets(
    consumer: Consumer, connection: Connection, logs: Iterable[Log], which: int, seconds: float
) -> dict[Log, int]:
    """Of each log the first offset whose timestamp is not before ``which`` (ms), or by `OFFSET_END` its end.

    Without such a record it is `OFFSET_END`. Raises `KafkaException`: a leader does not answer for one of them.
    """
    found, error = answered_offsets(consumer, connection, logs, which, seconds)
    if error is not None:
        raise KafkaException(error)
    return found


def answered_offsets(
    consumer: Consumer, connection: Connection, logs: Iterable[Log], which: int, seconds: float
) -> tuple[dict[Log, int], KafkaError | None]:
    """The same of the logs that have an answer, and why another one has none.

    Raises `KafkaException`: none has.
    """
    by_name = {(connection.topic(topic), number): (topic, number) for topic, number in logs}
    answers = consumer.offsets_for_times([TopicPartition(*name, which) for name in by_name], seconds)
    found = {by_name[answer.topic, answer.partition]: answer.offset for answer in answers if answer.error is None}
    return found, next((answer.error for answer in answers if answer.error is not None), None)
