"""Single records: those of partitions whose leaders hang are fetched apart, so that nobody else's wait behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edges.desk.reader import LATE_SECONDS
from edges.kafka.errors import KafkaAwayError, UnaskedError
from edges.kafka.fetcher import Fetcher

if TYPE_CHECKING:
    from edges.settings import Connection


APART_SECONDS: Final = 30.0


class Fetchers:
    """Two fetchers; ``age`` says how old what is read of a partition is.

    Of topics that are not read, as `alerts`, a partition is late for a while after it was asked and gave nothing.
    """

    def __init__(self, connection: Connection, age: Callable[[int], float]) -> None:
        self._age = age
        self._prompt = Fetcher(connection)
        self._late = Fetcher(connection)
        self._silent: dict[tuple[str, int], float] = {}  # until when

    async def fetch(self, topic: str, partition: int, offset: int, key: str, seconds: float) -> bytes | None:
        """As `Fetcher.fetch`. Raises `KafkaAwayError`."""
        place = topic, partition
        is_late = self._age(partition) > LATE_SECONDS or self._silent.get(place, 0.0) > time.monotonic()
        try:
            value = await (self._late if is_late else self._prompt).fetch(topic, partition, offset, key, seconds)
        except UnaskedError:
            raise  # that says nothing of the partition
        except KafkaAwayError:
            self._silent[place] = time.monotonic() + APART_SECONDS
            raise
        self._silent.pop(place, None)
        return value

    async def stop(self) -> None:
        """End both."""
        await asyncio.gather(self._prompt.stop(), self._late.stop())
