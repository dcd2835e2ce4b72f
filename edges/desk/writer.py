"""What a desk writes, each record under its site's key, with the broker's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from edges.desk.deadline import left
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS, Producer, Record

WRITTEN: Final = ("claims", "desk-log", "call-results", "operator-actions")
_READ_SECONDS: Final = 60.0  # what is written is read by then, and the state has it


class Writer:
    """Writes the desk's records; returns when Kafka has them, in the time of the request. Raises `UnconfirmedError`."""

    def __init__(self, producer: Producer, encoders: dict[str, Callable[[Any], bytes]], now: Callable[[], int]) -> None:
        """``now``: the broker's time, in Unix milliseconds."""
        self._producer = producer
        self._encoders = encoders
        self._now = now
        self._said: dict[tuple[str, str], asyncio.Task[None]] = {}  # by topic and id

    async def send(self, **values: Any) -> None:
        """Write a value of each topic named (``desk_log=…``)."""
        records = [self._record(name, value) for name, value in values.items()]
        await self._producer.send(*records, seconds=left(CONFIRM_SECONDS))

    async def send_once(self, **value: Any) -> None:
        """Write a value of one topic, unless it is being written: who says it again joins, by its id, the first field.

        A record that Kafka has not confirmed in time may still come; two of them would be two calls for help.
        """
        ((name, said),) = value.items()
        key = name, said[0]
        task = self._said.get(key)
        if task is None:
            record = self._record(name, said)
            writing = self._producer.send(record, seconds=left(CONFIRM_SECONDS), follows=True)
            task = self._said[key] = asyncio.create_task(writing)
            task.add_done_callback(partial(self._settle, key))
        try:
            async with asyncio.timeout(left(CONFIRM_SECONDS)):
                await asyncio.shield(task)
        except TimeoutError:
            raise UnconfirmedError("Kafka has not acknowledged it in time") from None

    def partition_of(self, key: str) -> int:
        """The partition of a key."""
        return self._producer.partition_of(key)

    def _settle(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            del self._said[key]
        else:
            task.get_loop().call_later(_READ_SECONDS, self._said.pop, key, None)

    def _record(self, name: str, value: Any) -> Record:
        topic = name.replace("_", "-")
        return Record(topic, value.site_id, self._encoders[topic](value), self._now())
