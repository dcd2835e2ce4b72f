"""When outputs arrive at a reader of committed records, such as telephony."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, TopicPartition

from benchmarks.logs import PARTITIONS, QUIET

AT_ONCE: Final = 10_000
T = TypeVar("T")


class Arrivals:
    """A consumer of topics from their present beginning. Values are kept as bytes: decoding them can wait."""

    def __init__(self, address: str, *topics: str) -> None:
        self._consumer = Consumer(
            {
                **QUIET,
                "bootstrap.servers": address,
                "group.id": "benchmark-arrivals",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "fetch.min.bytes": 1,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for topic in topics for number in range(PARTITIONS)])
        self._came: dict[str, list[tuple[bytes, int]]] = {topic: [] for topic in topics}

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def pump(self, seconds: float) -> int:
        """Take the records of that time; return their number."""
        count, until = 0, time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            first = self._consumer.poll(left)
            now = time.time_ns() // 1000
            # The first is awaited, what lies behind it is there already.
            for message in [first, *self._consumer.consume(AT_ONCE, 0)] if first is not None else ():
                if message.error():
                    continue
                topic, value = message.topic(), message.value()
                assert topic is not None
                if value is not None:
                    self._came[topic].append((value, now))
                    count += 1
        return count

    def pump_until(self, is_enough: Callable[[], bool], patience: float) -> bool:
        """Take records until there are enough; False if none came for ``patience`` seconds."""
        last = time.monotonic()
        while not is_enough():
            if self.pump(0.05):
                last = time.monotonic()
            elif time.monotonic() - last > patience:
                return False
        return True

    def count(self, topic: str) -> int:
        """Return the number of records so far."""
        return len(self._came[topic])

    def since(self, topic: str, first: int, convert: Callable[[bytes], T]) -> Iterator[tuple[T, int]]:
        """Those from the number ``first`` on, each value with the time of its arrival (µs)."""
        return ((convert(value), at) for value, at in self._came[topic][first:])

    def of(self, topic: str, convert: Callable[[bytes], T]) -> Iterator[tuple[T, int]]:
        """Each value with the time of its arrival (µs)."""
        return self.since(topic, 0, convert)


def waits(sent: dict[Any, int], came: dict[Any, int]) -> list[float]:
    """Return the time each took, in ms, of those that arrived; both are times in µs by the same keys."""
    return [(at - sent[key]) / 1000 for key, at in came.items() if key in sent]
