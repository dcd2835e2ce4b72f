"""What a producer has under way: sends, the lane of each partition, and the records in it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from edges.kafka.errors import UnconfirmedError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message


class Sending:
    """The records of one `send`, until all are acknowledged or it fails."""

    __slots__ = ("follows", "future", "is_under_way", "left")

    def __init__(self, future: asyncio.Future[None], left: int, *, follows: bool) -> None:
        self.future = future
        self.left = left
        self.follows = follows
        self.is_under_way = False  # librdkafka has taken one

    def confirm(self) -> None:
        """Kafka has acknowledged one."""
        self.left -= 1
        if not self.left and not self.future.done():
            self.future.set_result(None)

    def fail(self, reason: str) -> None:
        """Kafka has not, or has not in time."""
        if not self.future.done():
            self.future.set_exception(UnconfirmedError(reason, is_under_way=self.is_under_way))


class Lane:
    """One partition of a topic, which has its full name here.

    Attributes:
        in_flight: how many of its records librdkafka has.
        moved_at: when it got the first of these, or reported on one last; monotonic.
        waiting: those that it does not have yet.

    """

    __slots__ = ("in_flight", "moved_at", "partition", "topic", "waiting")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.in_flight = 0
        self.moved_at = 0.0
        self.waiting: deque[Outgoing] = deque()

    def enter(self) -> None:
        """Librdkafka has taken a record."""
        if not self.in_flight:
            self.moved_at = time.monotonic()
        self.in_flight += 1

    def leave(self) -> None:
        """Librdkafka has reported on one."""
        self.in_flight -= 1
        self.moved_at = time.monotonic()


class Outgoing:
    """One record; librdkafka calls it with what came of it."""

    __slots__ = ("key", "lane", "reports", "sending", "timestamp", "value")

    def __init__(
        self, sending: Sending, lane: Lane, key: bytes, value: bytes | None, timestamp: int, reports: deque[Report]
    ) -> None:
        self.sending = sending
        self.lane = lane
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.reports = reports

    def __call__(self, error: KafkaError | None, _: Message) -> None:
        """Note it, for the loop."""
        self.reports.append((self, error))


Report = tuple[Outgoing, "KafkaError | None"]
