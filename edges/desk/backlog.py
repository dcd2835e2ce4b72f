"""What is fetched from Kafka in the background, and asked for again where Kafka does not give it now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from edges.desk.deadline import answered_within, left
from edges.kafka.errors import KafkaAwayError

T = TypeVar("T")
_SECONDS: Final = 1.0  # it is asked for again and again, so what somebody waits for need not wait longer for that


class Backlog(Generic[T]):
    """Fetches what stands in a set, one after the other; ``fetch`` may raise `KafkaAwayError`."""

    def __init__(self, waiting: set[T], fetch: Callable[[T], Awaitable[None]]) -> None:
        self._waiting = waiting
        self._fetch = fetch
        self._task: asyncio.Task[None] | None = None

    def catch_up(self) -> None:
        """Go on fetching, without waiting."""
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self.fetch())

    async def fetch(self) -> None:
        """Fetch all, as far as Kafka gives it."""
        while self._waiting:
            asked = self._waiting.pop()
            try:
                with answered_within(left(_SECONDS)):
                    await self._fetch(asked)
            except KafkaAwayError:
                self._waiting.add(asked)
                return
