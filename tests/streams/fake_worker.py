"""A worker's parts that face Kafka, over a fake broker: consumers, restores, assignment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from confluent_kafka import TopicPartition

from schemas.contract.topics import INPUT_TOPICS, TOPICS, BrokerLog
from service.readiness import ProcessReadiness
from streams.observe.metrics import Metrics
from streams.settings import load
from streams.state.assignment import Assignment
from streams.state.changelog_reader import ChangelogReader
from streams.state.partition import Store
from streams.state.restore import RestoredPartition, Restores
from tests.streams.messages import CODEC, SITE_RECORDS, site
from tests.support.fake_broker import FakeBroker, FakeConsumer

PARTITIONS: Final = 2
SECONDS: Final = 20.0


class FakeWorker:
    """The parts of one worker. Made in a running event loop; `close` ends the changelog reader's thread."""

    def __init__(self, broker: FakeBroker, protocol: str = "consumer", name: str = "a") -> None:
        self.broker = broker
        self.settings = load(None, {"RONDE_WORKER__GROUP_PROTOCOL": protocol, "RONDE_WORKER__ID": name})
        self.group = self.settings.worker.group
        self.metrics, self.readiness, self.store = Metrics(), ProcessReadiness(), Store()
        self.consumer = self._client(**{"auto.offset.reset": "error", "group.protocol": protocol})
        self.reader = ChangelogReader(
            self._client(**{"enable.partition.eof": True}),  # type: ignore[arg-type]  # the fake
            {topic: self.settings.topic(topic) for topic in TOPICS},
            self.readiness,
            self.metrics,
        )
        self.restores = Restores(
            self._client(),  # type: ignore[arg-type]  # the fake
            self._client(**{"isolation.level": "read_uncommitted"}),  # type: ignore[arg-type]  # the fake
            self.reader,
            CODEC,
            SITE_RECORDS,
            self.settings,
            self.metrics,
        )
        self.assignment = Assignment(
            self.consumer,  # type: ignore[arg-type]  # the fake
            self.store,
            self.restores,
            self.settings,
            self.readiness,
            self.metrics,
        )

    def _client(self, **config: Any) -> FakeConsumer:
        return self.broker.consumer({"group.id": self.group, "auto.offset.reset": "earliest", **config})

    def log(self, topic: str = "alerts", number: int = 0) -> BrokerLog:
        """A log by its name on the broker."""
        return BrokerLog((self.settings.topic(topic), number))

    def commit(self, offset: int, metadata: str = "", topic: str = "alerts", number: int = 0) -> None:
        """Set the group's offset."""
        self.broker.committed[self.group, self.log(topic, number)] = (offset, metadata)

    def write(self, count: int = 1, topic: str = "alerts", number: int = 0) -> None:
        """Write records of a site's key: of ``sites``, good ones."""
        for _ in range(count):
            self.broker.append(self.log(topic, number), site() if topic == "sites" else b"x", b"site-1")

    async def turn_until(self, condition: Callable[[], Any]) -> list[Any]:
        """Poll and settle as the chunk reader does, until a condition holds; return what was accepted."""
        accepted: list[Any] = []
        give_up = time.monotonic() + SECONDS
        while True:
            self.assignment.settle()
            messages = [message for message in self.consumer.consume(100, 0) if message.error() is None]
            accepted += self.assignment.accept(messages)  # type: ignore[arg-type]  # the fake's messages
            if condition():
                return accepted
            assert time.monotonic() < give_up, f"not within the time: {self.readiness.reasons}"
            await asyncio.sleep(0.005)

    async def work(self) -> list[Any]:
        """Join and turn until all partitions are at work."""
        self.assignment.subscribe()
        return await self.turn_until(lambda: len(self.store.partitions) == PARTITIONS)

    async def restored(self) -> RestoredPartition:
        """The next result of a restore. Raises what it failed with."""
        give_up = time.monotonic() + SECONDS
        while self.restores.results.empty():
            assert time.monotonic() < give_up, "no restore has ended"
            await asyncio.sleep(0.005)
        result = self.restores.results.get()
        if isinstance(result, Exception):
            raise result
        return result


def fake_broker() -> FakeBroker:
    """A broker with all topics of the default settings."""
    settings = load(None, {})
    return FakeBroker({settings.topic(topic): PARTITIONS for topic in TOPICS})


@asynccontextmanager
async def worker(
    broker: FakeBroker | None = None, protocol: str = "consumer", name: str = "a"
) -> AsyncIterator[FakeWorker]:
    """A worker's parts, closed at the end."""
    made = FakeWorker(broker or fake_broker(), protocol, name)
    try:
        yield made
    finally:
        for number in range(PARTITIONS):
            made.restores.cancel(number)
        await asyncio.sleep(0)
        made.reader.close()


def all_logs(made: FakeWorker, number: int) -> list[TopicPartition]:
    """A partition of all input topics."""
    return [TopicPartition(*made.log(topic, number)) for topic in INPUT_TOPICS]
