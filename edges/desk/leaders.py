"""Which partitions a desk can begin with: those that somebody leads, on every topic that it reads.

One that nobody leads is waited for; the others' homes must not wait for it for long.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Set
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from edges.kafka import clients
from edges.kafka.errors import TopicsDifferError
from edges.kafka.layout import Layout
from edges.kafka.renewal import RenewedReader
from schemas.contract.topics import Log
from service.logs import logger

if TYPE_CHECKING:
    from edges.settings import Connection

_log = logger(__name__)

# Above what makes a partition stale, and what Kafka takes for another leader.
GIVEN_UP_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 1.0
STEADY_SECONDS: Final = 3.0  # who comes back is led for so long, and for twice as long each time
OTHERS_SECONDS: Final = 60.0  # so long at most
# Desks that began in one outage begin again up to so far apart, so that they are less often away together.
SPREAD_SECONDS: Final = 5.0
_ASK_SECONDS: Final = 2.0


class Leaders:
    """Looks, as somebody asks again and again.

    Attributes:
        led: the partitions that somebody led when it last looked; none where Kafka did not say.

    """

    def __init__(
        self, connection: Connection, topics: Iterable[str], draw: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._layout = Layout(connection, topics)
        self._draw = draw
        # Of its own: who asks for leaders may forget one for a moment.
        self._reader = RenewedReader(partial(clients.reader, connection))
        self._asking = threading.Lock()
        self._is_closed = False
        self._all = frozenset(range(connection.partitions))
        self._unled_since: dict[int, float] = {}
        self._answered_at = float("-inf")
        self._steady_seconds = STEADY_SECONDS
        self.led: frozenset[int] = frozenset()

    async def look(self) -> bool:
        """Ask who leads; False: Kafka did not say. Raises `TopicsDifferError`."""
        self.led = frozenset()
        try:
            leaders = await asyncio.to_thread(self._ask)
        except KafkaException:
            return False
        now = time.monotonic()
        if now - self._answered_at > GIVEN_UP_SECONDS:  # all of Kafka was away: its leaders come one by one
            self._unled_since = {}
        self._answered_at = now
        self.led = self._all - {number for (_, number), leader in leaders.items() if leader is None}
        self._unled_since = {number: self._unled_since.get(number, now) for number in self._all - self.led}
        return True

    def close(self) -> None:
        """End; blocks while a question is under way."""
        with self._asking:
            self._is_closed = True
            self._reader.client.close()

    def _ask(self) -> dict[Log, int | None]:
        with self._asking:
            if self._is_closed:
                return {}
            self._reader.unanswered()
            leaders = self._layout.leaders(self._reader.client, _ASK_SECONDS)
            self._reader.answered()
            return leaders

    @property
    def given_up(self) -> frozenset[int]:
        """The partitions that nobody has led for `GIVEN_UP_SECONDS`, at each look that was answered."""
        late = self._answered_at - GIVEN_UP_SECONDS
        return frozenset(number for number, since in self._unled_since.items() if since <= late)

    async def wait(self) -> frozenset[int]:
        """The partitions to begin with: all, or those that are left once nobody leads the others for long."""
        while True:
            await self.look()
            if self.led and self.led | self.given_up == self._all:
                return self.led
            await asyncio.sleep(LOOK_SECONDS)

    async def wait_back(self, partitions: Set[int], report: Callable[[str | None], None]) -> None:
        """Wait until partitions that nobody led are led again for a while: all, or some once others make them wait.

        The while is longer by chance, up to `SPREAD_SECONDS`. ``report`` takes what is wrong, then None.
        """
        spread = self._draw(0.0, SPREAD_SECONDS)
        since: dict[int, float] = {}
        wrong = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before, wrong, is_answered = wrong, None, False
            try:
                is_answered = await self.look()
            except TopicsDifferError as differ:  # a broker that comes back may not know of them yet
                wrong = str(differ)
                if before is None:
                    _log.warning("who leads the partitions is not known", reason=wrong)
            report(wrong)
            if not is_answered:
                continue
            now = time.monotonic()
            since = {number: since.get(number, now) for number in partitions & self.led}
            ages = [now - at - spread for at in since.values()]
            is_steady = len(since) == len(partitions) and min(ages) >= self._steady_seconds
            if is_steady or max(ages, default=0.0) >= OTHERS_SECONDS:
                self._steady_seconds = min(2 * self._steady_seconds, OTHERS_SECONDS)
                return
