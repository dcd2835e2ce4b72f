"""The topics of a run: create, inspect, read to their ends, delete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka import Consumer, IsolationLevel, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

PARTITIONS: Final = 6
READY_SECONDS: Final = 30.0
ASK_SECONDS: Final = 10
QUIET: Final[dict[str, Any]] = {"log_level": 2}  # a broker that is stopped in the end is no news

T = TypeVar("T")


class Whole(NamedTuple):
    """All values of a topic that readers see, and by partition the offset behind the last one."""

    values: list[Any]
    ends: dict[int, int]


class Logs:
    """The topics on a broker."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address, **QUIET})

    def create(self, topics: Mapping[str, Mapping[str, str]], partitions: int = PARTITIONS) -> None:
        """Make topics, with their configuration, and wait until each partition has a leader."""
        wanted = [NewTopic(name, partitions, 1, config=dict(words)) for name, words in topics.items()]
        for answer in self.admin.create_topics(wanted).values():
            answer.result()
        give_up = time.monotonic() + READY_SECONDS
        for topic in topics:
            while True:
                try:
                    self.ends(topic, partitions=partitions)
                except KafkaException:
                    if time.monotonic() > give_up:
                        raise
                    self.admin.list_topics(timeout=ASK_SECONDS)  # it would not look again for a leader by itself
                    time.sleep(0.05)
                else:
                    break

    def delete(self, prefix: str) -> None:
        """Delete the topics whose names begin with ``prefix``."""
        names = [name for name in self.admin.list_topics(timeout=ASK_SECONDS).topics if name.startswith(prefix)]
        for answer in self.admin.delete_topics(names).values() if names else ():
            answer.result()

    def ends(self, topic: str, *, committed: bool = True, partitions: int = PARTITIONS) -> list[int]:
        """By partition, where it ends for a reader of committed records, or else where the log itself does."""
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        asked = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(partitions)}  # type: ignore[no-untyped-call]
        answers = self.admin.list_offsets(asked, isolation_level=level)
        found = {log.partition: answer.result().offset for log, answer in answers.items()}
        return [found[number] for number in range(partitions)]

    def commit_ends(self, group: str, topic: str) -> None:
        """Have a group that has no members begin behind what a topic holds now."""
        from confluent_kafka import ConsumerGroupTopicPartitions  # noqa: PLC0415 - for this alone

        offsets = [TopicPartition(topic, number, end) for number, end in enumerate(self.ends(topic))]
        for answer in self.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, offsets)]).values():
            answer.result()

    def read(self, topic: str, convert: Callable[[bytes], T], partitions: int = PARTITIONS) -> Whole:
        """All committed records of a topic, each converted."""
        consumer = Consumer(
            {
                **QUIET,
                "bootstrap.servers": self.address,
                "group.id": "benchmark",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "queued.min.messages": 200_000,
            }
        )
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        values: list[Any] = []
        ends: dict[int, int] = {}
        left = set(range(partitions))
        while left:
            for message in consumer.consume(20_000, 0.2):
                number = message.partition()
                assert number is not None
                if message.error():
                    left.discard(number)
                    continue
                value = message.value()
                assert value is not None
                values.append(convert(value))
                ends[number] = (message.offset() or 0) + 1
        consumer.close()
        return Whole(values, ends)

    def write(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> int:
        """Append records (key, value) by murmur2 of the key, wait for their delivery, and return their number."""
        producer = Producer(
            {
                **QUIET,
                "bootstrap.servers": self.address,
                "linger.ms": 50,
                "batch.num.messages": 10_000,
                "acks": "all",
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": 200_000,
            }
        )
        count = 0
        for count, (key, value) in enumerate(records, start=1):
            while True:
                try:
                    producer.produce(topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
            if count % 1000 == 0:
                producer.poll(0)
        producer.flush()
        return count
