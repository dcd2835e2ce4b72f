"""What the watchdog reads: committed records of the engine's topics, and where their logs end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from edges.kafka import lookback
from edges.kafka.framing import Framing, origin
from edges.kafka.view import Entry, FromOffsets, Reading, View
from edges.kafka.watermarks import Watermarks
from edges.watchdog.calls import DESK_USED_MS
from edges.watchdog.judge import INPUTS, READ, TOPICS, Judge, Place
from schemas.avro.errors import Undecodable
from schemas.contract.topics import Log
from service.clock import now_ms
from service.pauses import EDGE_START_SECONDS

if TYPE_CHECKING:
    from edges.settings import Connection


class EngineReader:
    """Reads into the judge, in the loop that runs it."""

    def __init__(
        self,
        connection: Connection,
        framing: Framing,
        judge: Judge,
        *,
        lookback_ms: int,
        also: Callable[[Place, Any], None] = lambda *_: None,
    ) -> None:
        """``also`` gets every record after the judge had it."""
        self._connection = connection
        self._judge = judge
        self._also = also
        self._lookback_ms = lookback_ms
        self._decoders = {topic: framing.reader(topic) for topic in READ if topic != "dead-letters"}
        self._decoders |= {topic: _or_none(self._decoders[topic]) for topic in INPUTS}
        self._view: View | None = None
        self._watermarks: list[Watermarks] = []

    async def run(self) -> None:
        """Read until cancelled; while Kafka is away, wait. Raises `TopicsDifferError` and what ends a view."""
        loop = asyncio.get_running_loop()
        for isolation, take in (
            ("read_uncommitted", self._judge.ends.high),
            ("read_committed", self._judge.ends.stable),
        ):
            watermarks = Watermarks(self._connection, TOPICS, partial(_pass_on, loop, take), isolation=isolation)
            self._watermarks.append(watermarks)
            watermarks.start()
        starts = await self._starts()
        readings = {topic: Reading(FromOffsets(starts[topic]), decode) for topic, decode in self._decoders.items()}
        readings["dead-letters"] = Reading(FromOffsets(starts["dead-letters"]), decode_message=origin)
        self._view = View(self._connection, readings, self._take)
        self._view.start()
        await self._view.wait_failed()

    async def stop(self) -> None:
        """End."""
        if self._view is not None:
            await self._view.stop()
        await asyncio.gather(*(asyncio.to_thread(watermarks.stop) for watermarks in self._watermarks))

    def ages(self) -> Mapping[Log, float]:
        """How old what was read is, of each log that is read."""
        if self._view is not None:
            return self._view.ages()
        return {(topic, number): float("inf") for topic in READ for number in range(self._connection.partitions)}

    @property
    def undecodable(self) -> int:
        """How many records were left out, as they do not decode."""
        return 0 if self._view is None else self._view.undecodable

    async def _starts(self) -> dict[str, dict[int, int]]:
        decode, since = self._decoders["decisions"], now_ms() - DESK_USED_MS
        ask = partial(lookback.starts, self._connection, READ, decode, self._lookback_ms, at_latest={"claims": since})
        while True:
            try:
                return await asyncio.to_thread(ask)
            except KafkaException:
                await asyncio.sleep(EDGE_START_SECONDS)

    def _take(self, entries: Sequence[Entry]) -> None:
        now, monotonic = now_ms(), round(time.monotonic() * 1000)
        for entry in entries:
            place = Place(entry.topic, entry.partition, entry.offset, entry.timestamp, now, monotonic)
            self._judge.take(place, entry.value)
            self._also(place, entry.value)


def _or_none(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Have what does not decode read all the same: such an input has an end too, a dead letter."""

    def decoded(value: bytes) -> Any:
        try:
            return decode(value)
        except Undecodable:
            return None

    return decoded


def _pass_on(
    loop: asyncio.AbstractEventLoop, take: Callable[[Log, int, int], None], log: Log, offset: int, asked_at: float
) -> None:
    """From a thread into the loop; the time in ms, as the judge has it."""
    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(take, log, offset, round(asked_at * 1000))
