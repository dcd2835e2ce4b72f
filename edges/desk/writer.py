"""What a desk writes, each record under its site's key, with the broker's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from edges.desk.deadline import left
from edges.kafka.producer import CONFIRM_SECONDS, Producer, Record

WRITTEN: Final = ("claims", "desk-log", "call-results", "operator-actions")


class Writer:
    """Writes the desk's records; returns when Kafka has them, in the time of the request. Raises `UnconfirmedError`."""

    def __init__(self, producer: Producer, encoders: dict[str, Callable[[Any], bytes]], now: Callable[[], int]) -> None:
        """``now``: the broker's time, in Unix milliseconds."""
        self._producer = producer
        self._encoders = encoders
        self._now = now

    async def send(self, **values: Any) -> None:
        """Write a value of each topic named (``desk_log=…``)."""
        records = [self._record(name, value) for name, value in values.items()]
        await self._producer.send(*records, seconds=left(CONFIRM_SECONDS))

    def partition_of(self, key: str) -> int:
        """The partition of a key."""
        return self._producer.partition_of(key)

    def _record(self, name: str, value: Any) -> Record:
        topic = name.replace("_", "-")
        return Record(topic, value.site_id, self._encoders[topic](value), self._now())
