"""One record by its place."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from edges.kafka import clients
from edges.kafka.errors import KafkaAwayError, UnaskedError
from edges.kafka.renewal import RenewedReader

if TYPE_CHECKING:
    from confluent_kafka import Message

    from edges.settings import Connection

_SECONDS: Final = 3.0
_SMALL_BYTES: Final = 65_536
_POLL_SECONDS: Final = 0.1
_FAIR_SECONDS: Final = 0.3  # who is asked for less than this may answer as soon as ever

_Asked = tuple[TopicPartition, float, Callable[["Message | None", Exception | None], None]]


class Fetcher:
    """Reads single records, one after the other, by a client and a thread of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        more = {"queued.min.messages": 1, "max.partition.fetch.bytes": _SMALL_BYTES, "fetch.wait.max.ms": 10}
        self._reader = RenewedReader(partial(clients.reader, connection, more=more))
        self._questions: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="kafka-fetcher", daemon=True)
        self._thread.start()

    async def fetch(self, topic: str, partition: int, offset: int, key: str, seconds: float = _SECONDS) -> bytes | None:
        """The value of the record at a place, if it has this key; None: there is no such record (any more).

        Raises `KafkaAwayError`: Kafka does not say within ``seconds``; `UnaskedError`: others' questions took these.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Message | None] = loop.create_future()

        def settle(message: Message | None, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(message)
            else:
                answer.set_exception(error)

        def tell(message: Message | None, error: Exception | None) -> None:
            loop.call_soon_threadsafe(settle, message, error)

        place = TopicPartition(self._connection.topic(topic), partition, offset)
        self._questions.put((place, time.monotonic() + seconds, tell))
        message = await answer
        if message is None or message.offset() != offset or message.key() != key.encode():
            return None
        return message.value()

    async def stop(self) -> None:
        """End."""
        self._questions.put(None)
        await asyncio.to_thread(self._thread.join, _SECONDS)

    def _run(self) -> None:
        while (asked := self._questions.get()) is not None:
            place, give_up, tell = asked
            message, error = None, None
            try:
                message = _read(self._reader.client, place, give_up)
                self._reader.answered()
            except KafkaAwayError as raised:
                error = raised
            except KafkaException as raised:
                error = KafkaAwayError(f"Kafka does not say what is at {_name(place)}: {raised}")
            tell(message, error)
            if error is not None and not isinstance(error, UnaskedError):
                self._reader.unanswered()
        self._reader.client.close()


def _read(consumer: Consumer, place: TopicPartition, give_up: float) -> Message | None:
    """The first record at or behind a place; None: the log ends before it. Raises `KafkaAwayError`."""
    is_fair = give_up - time.monotonic() >= _FAIR_SECONDS
    consumer.assign([place])
    while (left := give_up - time.monotonic()) > 0:
        message = consumer.poll(min(left, _POLL_SECONDS))
        if message is None or (message.topic(), message.partition()) != (place.topic, place.partition):
            continue
        error = message.error()
        if error is None:
            return message
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin so
            return None
    if not is_fair:
        raise UnaskedError(f"there was no time left to ask what is at {_name(place)}")
    raise KafkaAwayError(f"Kafka does not say in time what is at {_name(place)}")


def _name(place: TopicPartition) -> str:
    return f"{place.topic} {place.partition}"
