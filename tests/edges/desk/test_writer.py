"""What a desk writes, by a client of Kafka that acknowledges what a test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import pytest_asyncio

from edges.desk.deadline import answered_within
from edges.desk.writer import WRITTEN, Writer
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Producer
from edges.values import CallResult
from tests.edges.desk.scene import write
from tests.edges.kafka.test_lanes import CONNECTION, PARTITIONS, Client, client

__all__ = ["client"]
pytestmark = pytest.mark.asyncio
NOW: Final = 1_767_225_600_000
HELP: Final = CallResult(
    "S1-result-1", "S1", None, None, "c1", "INBOUND", "DURESS_CODE", "UNKNOWN", False, None, "ann", NOW
)
ENCODERS: Final[dict[str, Callable[[Any], bytes]]] = {topic: write(topic) for topic in WRITTEN}


@pytest_asyncio.fixture
async def producer(client: type[Client]) -> AsyncIterator[Producer]:
    made = Producer(CONNECTION, WRITTEN)
    await made.start()
    yield made
    await made.stop()


async def test_records_have_the_brokers_time(producer: Producer, client: type[Client]) -> None:
    await Writer(producer, ENCODERS, lambda: NOW).send(call_results=HELP)
    assert client.made[0].stamped == [NOW]


async def test_what_is_under_way_is_not_written_again(producer: Producer, client: type[Client]) -> None:
    writer, kafka = Writer(producer, ENCODERS, lambda: NOW), client.made[0]
    kafka.leaderless = set(range(PARTITIONS))

    async def say(said: CallResult = HELP, seconds: float = 0.1) -> bool:
        with answered_within(seconds):
            try:
                await writer.send_once(call_results=said)
            except UnconfirmedError:
                return False
        return True

    assert not any(await asyncio.gather(say(), say()))
    assert await say() is False
    kafka.leaderless = set()
    assert all(await asyncio.gather(say(seconds=60), say(seconds=60)))
    assert await say() is True, "it is not read yet"
    assert len(kafka.produced) == 1
    assert await say(HELP._replace(result_id="S1-result-2"), 60) is True
    assert len(kafka.produced) == 2
    assert producer.unconfirmed == 1


async def test_what_failed_is_written_again(producer: Producer, client: type[Client]) -> None:
    writer, kafka = Writer(producer, ENCODERS, lambda: NOW), client.made[0]
    kafka.leaderless = set(range(PARTITIONS))
    with pytest.raises(UnconfirmedError), answered_within(0.1):
        await writer.send_once(call_results=HELP)
    kafka.purge()
    kafka.leaderless = set()
    while writer._said:  # noqa: ASYNC110  # nobody sets an event
        await asyncio.sleep(0.01)
    await writer.send_once(call_results=HELP)
    assert len(kafka.produced) == 2
