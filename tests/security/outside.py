"""A program outside of ronde, logged in as its own user: reads as a group, writes by murmur2."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from schemas.avro.records import decode, encode
from schemas.contract.topics import TOPICS
from streams.settings import Settings
from tests.support.waiting import PATIENCE


class Outside:
    """One program. ``reads`` are topics without prefix, as ``group``."""

    def __init__(self, settings: Settings, log: logging.Logger, group: str = "none", reads: Iterable[str] = ()) -> None:
        self._settings = settings
        self._names = {settings.topic(name): name for name in reads}
        self._producer = Producer({**settings.client("producer"), "partitioner": "murmur2_random"}, logger=log)
        self._consumer = Consumer(
            {
                **settings.client("consumer"),
                "group.id": group,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            },
            logger=log,
        )
        if self._names:
            self._consumer.subscribe(list(self._names))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._consumer.close()

    def say(self, topic: str, value: dict[str, Any]) -> None:
        """Write a value, and wait until the broker has it. KafkaException: it does not take it."""
        schema = TOPICS[topic].schema
        assert schema is not None
        refused: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                refused.append(error)

        self._producer.produce(
            self._settings.topic(topic), encode(schema, value), value["site_id"], on_delivery=delivered
        )
        self._producer.flush(PATIENCE)
        if refused:
            raise KafkaException(refused[0])

    def hear(self, enough: Callable[[str, dict[str, Any]], bool]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Topic and value of each record that comes, until one is ``enough``. KafkaException: it may not read."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            if error := message.error():
                raise KafkaException(error)
            topic = self._names[str(message.topic())]
            schema, value = TOPICS[topic].schema, message.value()
            assert schema is not None
            assert isinstance(value, bytes)
            heard = decode(schema, value)
            yield topic, heard
            if enough(topic, heard):
                return
        raise AssertionError(f"not heard within {PATIENCE} s")
