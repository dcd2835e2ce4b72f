"""Writing to Kafka for somebody who waits: `Producer.send` is done when Kafka has it, within 3 s or not at all.

Each partition of a topic is a lane of its own: so many of its records are handed to librdkafka at once, and the others
wait here, where one that is too old can be dropped with certainty. A partition without a leader fills its own lane
alone. Its records that librdkafka has already may still be written when the leader is back: an id that follows from
what is said makes that harmless.

librdkafka's reports are fetched in the loop, by a timer. A thread that waited for them would take Python's lock for
each record, against the loop that holds it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Container
from contextlib import suppress
from functools import lru_cache, partial
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import OFFSET_END, KafkaError, KafkaException
from confluent_kafka import Producer as ConfluentProducer

from edges.kafka import clients
from edges.kafka.errors import TopicsDifferError, UnconfirmedError
from edges.kafka.lanes import Lane, Outgoing, Report, Sending
from edges.kafka.layout import Layout, answered_offsets
from edges.kafka.pulse import Pulse
from edges.kafka.renewal import Renewal, RenewedReader
from schemas.contract import murmur2
from schemas.contract.topics import Log
from service.logs import logger
from service.lost_leader import Standstill

if TYPE_CHECKING:
    from edges.settings import Connection

_log = logger(__name__)

CONFIRM_SECONDS: Final = 3.0
STOP_SECONDS: Final = 5.0
IN_FLIGHT: Final = 500  # records of a partition that librdkafka has at once
ROOM: Final = 10_000  # records of it that may wait; beyond, `send` fails at once
_POLL_SECONDS: Final = 0.1
_REPORTS_SECONDS: Final = 0.001  # between two looks for reports, while any is due
_LATE_SECONDS: Final = 0.01  # the same, once so many looks found none: Kafka hangs
_LOOKS_IN_VAIN: Final = 200
_SWEEP_SECONDS: Final = 0.05
_ASK_SECONDS: Final = 1.0
_KNOWN_KEYS: Final = 65_536
_STILL_SECONDS: Final = 10.0  # a partition stands still for so long: is its leader there?
_ENDS: Final = "this process ends"


class Record(NamedTuple):
    """A record to write: the topic without prefix, its key, the value's bytes (None: a tombstone).

    ``timestamp`` in Unix milliseconds; 0: this machine's clock.
    """

    topic: str
    key: str
    value: bytes | None
    timestamp: int = 0


class Producer:
    """Writes records, for callers in one asyncio loop.

    Attributes:
        acknowledged: how many records Kafka has acknowledged.
        unconfirmed: how many calls of `send` failed.
        recreated: how often another client took the place of one that failed for good, or of one that wrote a
            partition no more, though its leader answered.

    """

    def __init__(self, connection: Connection, topics: tuple[str, ...], *, pulse_topic: str | None = None) -> None:
        """``topics``: those that are written to, without prefix.

        ``pulse_topic``: a topic that this process may read; with it, Kafka is asked once a second to acknowledge
        something (`edges.kafka.pulse`).
        """
        self._connection = connection
        self._topics = topics
        self._pulse_topic = pulse_topic
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._reports: deque[Report] = deque()  # a deque, as a client that is given up reports in another thread
        self._under_way = 0  # records that librdkafka has
        self._looks_in_vain = 0
        self._timer: asyncio.TimerHandle | None = None
        self._deadlines: list[tuple[float, int, Sending]] = []  # a heap
        self._numbers = count()
        self._is_sweeping = False
        self._partition = lru_cache(_KNOWN_KEYS)(self._partition_of)
        self._client = clients.producer(connection, self._hear)
        self._is_fatal = False
        self._standstill = Standstill()
        self._is_stopping = False
        self._ended = threading.Event()
        self._acknowledged_at = self._answered_at = float("-inf")  # a record, and the pulse
        self._known = asyncio.Event()  # the topics are as they must be
        self._emptied = asyncio.Event()  # by `stop`
        self._wrong: TopicsDifferError | None = None
        self._thread = threading.Thread(target=self._run, name="kafka-producer", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self.acknowledged = 0
        self.unconfirmed = 0
        self.recreated = 0

    async def start(self) -> None:
        """Begin; returns once the topics are known to have the partitions of the settings.

        Raises `TopicsDifferError`. While Kafka is away it waits.
        """
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        await self._known.wait()
        if self._wrong is not None:
            raise self._wrong
        self._look()

    async def send(self, *records: Record, seconds: float = CONFIRM_SECONDS, follows: bool = False) -> None:
        """Write records; returns when Kafka has acknowledged all of them.

        Raises `UnconfirmedError`: not within ``seconds``; some or all may have been taken. ``follows``: one record,
        and where librdkafka has it by then, wait for what becomes of it, however long that takes.
        """
        if not records:
            return
        if self._is_stopping:
            raise UnconfirmedError(_ENDS)
        sending = Sending(self._loop.create_future(), len(records), follows=follows)
        lanes = [self._lane(record.topic, record.key) for record in records]
        if any(len(lane.waiting) >= ROOM for lane in lanes):
            self.unconfirmed += 1
            raise UnconfirmedError("too many records wait for their partition")
        heappush(self._deadlines, (self._loop.time() + seconds, next(self._numbers), sending))
        if not self._is_sweeping:
            self._sweep()
        for record, lane in zip(records, lanes, strict=True):
            key, value, timestamp = record.key.encode(), record.value, record.timestamp
            lane.waiting.append(Outgoing(sending, lane, key, value, timestamp, self._reports))
            self._hand_over(lane)
        try:
            await sending.future
        except UnconfirmedError:
            self.unconfirmed += 1
            for lane in lanes:
                self._hand_over(lane)  # drops what nobody waits for
            raise

    def partition_of(self, key: str) -> int:
        """The partition of a key, on every topic."""
        return self._partition(key)

    @property
    def silent_seconds(self) -> float:
        """For how long Kafka has acknowledged nothing: no record, and no pulse."""
        return time.monotonic() - max(self._acknowledged_at, self._answered_at)

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Wait until what was taken is acknowledged, at most so long, and end. `send` fails from now on.

        It may never have been started.
        """
        self._is_stopping = True
        if not self._is_idle():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._emptied.wait()
        self._ended.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, 1.0)
        self._settle()
        for lane in self._lanes.values():
            self._hand_over(lane)

    # --- in the loop ------------------------------------------------------------------------------

    def _partition_of(self, key: str) -> int:
        return murmur2.partition(key.encode(), self._connection.partitions)

    def _lane(self, topic: str, key: str) -> Lane:
        place = topic, self._partition(key)
        lane = self._lanes.get(place)
        if lane is None:
            assert topic in self._topics, topic
            lane = self._lanes[place] = Lane(self._connection.topic(topic), place[1])
        return lane

    def _sweep(self) -> None:
        """Fail what was not acknowledged in time. One timer for all: one each would cost more than the records."""
        deadlines, now = self._deadlines, self._loop.time()
        while deadlines and (deadlines[0][0] <= now or deadlines[0][2].future.done()):
            sending = heappop(deadlines)[2]
            if sending.follows and sending.is_under_way:
                self.unconfirmed += not sending.future.done()
            else:
                sending.fail("Kafka has not acknowledged it in time")
        self._is_sweeping = bool(deadlines)
        if deadlines:
            self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _hand_over(self, lane: Lane) -> None:
        """Give librdkafka as many records as it may have, and drop those that nobody waits for."""
        waiting = lane.waiting
        while waiting and self._ended.is_set():
            waiting.popleft().sending.fail(_ENDS)
        while waiting and (lane.in_flight < IN_FLIGHT or waiting[0].sending.future.done()):
            record = waiting.popleft()
            if record.sending.future.done():
                continue
            try:
                self._client.produce(
                    lane.topic,
                    record.value,
                    record.key,
                    partition=lane.partition,
                    on_delivery=record,
                    timestamp=record.timestamp,
                )
            except (BufferError, KafkaException) as error:
                record.sending.fail(f"Kafka's client does not take it: {error}")
            else:
                record.sending.is_under_way = True
                lane.enter()
                self._under_way += 1
                if self._under_way == 1:
                    self._looks_in_vain = 0
                    self._look_in(_REPORTS_SECONDS)

    def _look(self) -> None:
        """Fetch librdkafka's reports, and look again."""
        self._looks_in_vain += 1
        try:
            self._client.poll(0)
            if self._reports:
                self._looks_in_vain = 0
                self._settle()
        finally:  # without another look nothing would be confirmed any more
            soon = _REPORTS_SECONDS if self._looks_in_vain < _LOOKS_IN_VAIN else _LATE_SECONDS
            self._look_in(soon if self._under_way else _POLL_SECONDS)

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._ended.is_set() else self._loop.call_later(seconds, self._look)

    def _settle(self) -> None:
        """Take what became of records."""
        lanes: set[Lane] = set()
        acknowledged, reports = self.acknowledged, self._reports
        while reports:
            record, error = reports.popleft()
            lane = record.lane
            lane.leave()
            self._under_way -= 1
            if lane.waiting:
                lanes.add(lane)
            if error is None:
                self.acknowledged += 1
                record.sending.confirm()
            else:
                record.sending.fail(f"Kafka has not taken it: {error.str()}")
        if self.acknowledged > acknowledged:
            self._acknowledged_at = time.monotonic()
        for lane in lanes:
            self._hand_over(lane)
        if self._is_stopping and self._is_idle():
            self._emptied.set()

    def _is_idle(self) -> bool:
        return not any(lane.in_flight or lane.waiting for lane in self._lanes.values())

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._learn_topics():
                self._work()
        except Exception as error:
            _log.error("the Kafka producer's thread ends", reason=type(error).__name__)
            raise

    def _work(self) -> None:
        pulse = Pulse(self._connection, self._pulse_topic) if self._pulse_topic is not None else None
        self._asker = RenewedReader(partial(clients.reader, self._connection))
        while not self._ended.wait(_POLL_SECONDS):
            if pulse is not None:
                self._answered_at = pulse.beat(self._acknowledged_at)
            if self._is_fatal:
                self._recreate("it failed for good")
            elif (log := self._standstill.look(self._still_though_led)) is not None:
                self._recreate(f"it writes no more to {log[0]}, partition {log[1]}, though its leader answers")
        self._give_up(self._client)
        self._asker.client.close()
        if pulse is not None:
            pulse.close()  # last, as it waits for its commit

    def _learn_topics(self) -> bool:
        """Wait for the broker to describe the topics; False: they differ, or this process ends first."""
        layout, renewal = Layout(self._connection, self._topics), Renewal()
        while not self._ended.is_set():
            try:
                layout.leaders(self._client, _ASK_SECONDS)
            except KafkaException:
                if renewal.is_due():
                    self._recreate("Kafka has not described the topics to it")
                self._ended.wait(_POLL_SECONDS)
            except TopicsDifferError as differ:
                self._wrong = differ
                self._call(self._known.set)
                return False
            else:
                self._call(self._known.set)
                return True
        return False

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *arguments)

    def _hear(self, error: KafkaError) -> None:
        self._is_fatal = self._is_fatal or error.fatal()

    def _still_though_led(self) -> dict[Log, float]:
        """The partitions that have stood still for a while although their leaders answer, and since when."""
        still = self._still()
        led: Container[Log] = ()
        with suppress(KafkaException):
            if not still:
                self._asker.answered()  # nothing was asked
            elif not self._asker.unanswered():
                led, _ = answered_offsets(self._asker.client, self._connection, still, OFFSET_END, _ASK_SECONDS)
                if led:
                    self._asker.answered()
        # Looked at again: what was acknowledged meanwhile stands still no more.
        return {log: at for log, at in self._still().items() if log in led}

    def _still(self) -> dict[Log, float]:
        """The partitions that have stood still for a while, and since when."""
        late = time.monotonic() - _STILL_SECONDS
        return {log: lane.moved_at for log, lane in [*self._lanes.items()] if lane.in_flight and lane.moved_at < late}

    def _recreate(self, reason: str) -> None:
        """Take another client; what the one before had may have been taken."""
        try:
            made = clients.producer(self._connection, self._hear)
        except KafkaException as error:  # certificates that are just being replaced
            _log.warning("no other Kafka producer can be made", reason=str(error))
            return
        self._is_fatal = False
        ended, self._client = self._client, made
        self.recreated += 1
        _log.warning("another Kafka producer takes the place of this one", reason=reason)
        self._give_up(ended)

    def _give_up(self, client: ConfluentProducer) -> None:
        """Have a client report on all it has."""
        client.purge()
        give_up = time.monotonic() + _ASK_SECONDS
        while len(client) and time.monotonic() < give_up:
            client.poll(_POLL_SECONDS)
        self._call(self._settle)
