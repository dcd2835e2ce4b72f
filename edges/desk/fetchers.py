"""Single records: those of partitions whose leaders hang are fetched apart, so that nobody else's wait behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from edges.desk.reader import LATE_SECONDS
from edges.kafka.fetcher import Fetcher

if TYPE_CHECKING:
    from edges.settings import Connection


class Fetchers:
    """Two fetchers; ``age`` says how old what is read of a partition is."""

    def __init__(self, connection: Connection, age: Callable[[int], float]) -> None:
        self._age = age
        self._prompt = Fetcher(connection)
        self._late = Fetcher(connection)

    async def fetch(self, topic: str, partition: int, offset: int, key: str, seconds: float) -> bytes | None:
        """As `Fetcher.fetch`. Raises `KafkaAwayError`."""
        fetcher = self._late if self._age(partition) > LATE_SECONDS else self._prompt
        return await fetcher.fetch(topic, partition, offset, key, seconds)

    async def stop(self) -> None:
        """End both."""
        await asyncio.gather(self._prompt.stop(), self._late.stop())
