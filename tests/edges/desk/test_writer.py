"""What a desk writes, by a client of Kafka that acknowledges what a test lets it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import pytest_asyncio

from edges.desk.values import CallResult
from edges.desk.writer import WRITTEN, Writer
from edges.kafka.producer import Producer
from tests.edges.desk.scene import write
from tests.edges.kafka.test_lanes import CONNECTION, Client, client

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
