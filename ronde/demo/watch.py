"""Read the topics like any other consumer: read_committed, from their beginning."""

from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

import schemas
from ronde.shared.errors import Failed
from ronde.views.site_timeline.board import Board, InputPosition, Record
from schemas.contract.topics import OUTPUT_TOPICS, TOPICS
from service.headers import headers_of
from service.silence import silent

ANSWER_SECONDS = 10.0  # how long the broker may take to describe its topics
CHUNK = 500  # records
SILENT = silent("ronde.demo.kafka")
EVENTS = ("alerts", "call-results", "dispatch-reports", "operator-actions")  # inputs that end in one way or another


class TopicWatch:
    """Follows all out topics of a prefix onto a board."""

    def __init__(self, kafka: str, prefix: str, board: Board) -> None:
        self._prefix, self._board = prefix, board
        self._consumer = _reader(kafka, prefix, OUTPUT_TOPICS)

    def look(self, seconds: float) -> list[tuple[str, Record]]:
        """Wait at most so long for records; put them on the board, and return all but dead letters, by topic."""
        seen = []
        for message in self._consumer.consume(CHUNK, seconds):
            if not _is_record(message):
                continue
            topic, value = _place(message, self._prefix).topic, message.value()
            schema = TOPICS[topic].schema
            if schema is None:
                self._board.take_dead_letter(*_dead_letter(message, self._prefix))
            elif value is not None:
                record = schemas.decode(schema, value)
                self._board.take(topic, record)
                seen.append((topic, record))
        return seen

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def read_inputs(kafka: str, prefix: str, *topics: str) -> dict[InputPosition, Record]:
    """Every record of these input topics up to their end, by its place."""
    consumer = _reader(kafka, prefix, topics)
    try:
        inputs = {}
        for message in _to_the_end(consumer):
            place, value = _place(message, prefix), message.value()
            schema = TOPICS[place.topic].schema
            assert schema is not None, place.topic
            inputs[place] = schemas.decode(schema, value) if value is not None else {}
        return inputs
    finally:
        consumer.close()


def _reader(kafka: str, prefix: str, topics: tuple[str, ...]) -> Consumer:
    """A consumer of all partitions of these topics, without a group."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"{prefix}watch",  # the client wants one; nothing is ever committed
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
        },
        logger=SILENT,
    )
    known = consumer.list_topics(timeout=ANSWER_SECONDS).topics
    missing = [prefix + topic for topic in topics if prefix + topic not in known]
    if missing:
        raise Failed(f"topics are missing on {kafka}: {', '.join(missing)}")
    consumer.assign(
        [
            TopicPartition(prefix + topic, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in known[prefix + topic].partitions
        ]
    )
    return consumer


def _to_the_end(consumer: Consumer) -> Iterator[Message]:
    left = len(consumer.assignment())
    while left:
        message = consumer.poll(ANSWER_SECONDS)
        if message is None:
            raise Failed(f"Kafka has not answered for {ANSWER_SECONDS:.0f} s while the topics were read")
        if _is_record(message):
            yield message
        else:
            left -= 1


def _is_record(message: Message) -> bool:
    """False for the end of a partition; any other error of the client is raised."""
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        return False
    raise KafkaException(error)


def _place(message: Message, prefix: str) -> InputPosition:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None  # the client's types are those of events too
    assert partition is not None
    assert offset is not None
    return InputPosition(topic.removeprefix(prefix), partition, offset)


def _dead_letter(message: Message, prefix: str) -> tuple[InputPosition, str]:
    headers = headers_of(message)
    texts = {name: value.decode(errors="replace") for name, value in headers if isinstance(value, bytes)}
    topic = texts["dlq.topic"].removeprefix(prefix)
    return InputPosition(topic, int(texts["dlq.partition"]), int(texts["dlq.offset"])), texts["dlq.reason"]
