"""Topics read all the time, and how old what was read is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from edges.kafka import clients
from edges.kafka.ages import Ages
from edges.kafka.errors import TopicsDifferError
from edges.kafka.layout import Layout, offsets
from edges.kafka.renewal import Renewal
from edges.kafka.watermarks import Watermarks
from schemas.avro.errors import RegistryUnreachable, Undecodable
from schemas.contract import murmur2
from schemas.contract.topics import Log
from service.logs import logger
from service.lost_leader import Standstill
from service.pauses import EDGE_SECONDS

if TYPE_CHECKING:
    from confluent_kafka import Message

    from edges.settings import Connection

_log = logger(__name__)

_AT_ONCE: Final = 5000  # records
_SLICE: Final = 500  # records that a handler in the loop gets at once, so that others have their turn
_POLL_SECONDS: Final = 0.1
_ASK_SECONDS: Final = 2.0
_STILL_SECONDS: Final = 10.0  # for so long a partition is read no further, though there is more
_STOP_SECONDS: Final = 3.0


class Entry(NamedTuple):
    """A record: ``timestamp`` in Unix milliseconds, ``value`` decoded, or None for a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str
    value: Any


class FromTime(NamedTuple):
    """Begin with the first record of this time, in Unix milliseconds."""

    ms: int


class FromOffsets(NamedTuple):
    """Begin at these offsets by partition; a partition that is not named, at its beginning."""

    offsets: Mapping[int, int]


@dataclass(frozen=True)
class Reading:
    """How a topic is read.

    Attributes:
        start: where; by default at the beginning.
        decode: from a value's bytes to the value; it raises `Undecodable`. None: the bytes are handed on.
        decode_message: the same from the whole record, where the value follows from its headers.

    """

    start: FromTime | FromOffsets = field(default_factory=lambda: FromOffsets({}))
    decode: Callable[[bytes], Any] | None = None
    decode_message: Callable[[Message], Any] | None = None


Handler = Callable[[Sequence[Entry]], None]


class View:
    """Reads topics in a thread of its own (read_committed, in no group), and hands the records on in batches.

    A batch has the records of a partition in their order. A log that was cut or made again is read from its beginning:
    its offsets then go back.

    Attributes:
        undecodable: how many records were left out, as they do not decode.
        failure: why it reads no more, and never will; None while it does.

    """

    def __init__(
        self,
        connection: Connection,
        topics: Mapping[str, Reading],
        handler: Handler,
        *,
        in_loop: bool = True,
        partitions: Iterable[int] | None = None,
        answered_seconds: float | None = None,
    ) -> None:
        """``topics``: by name without prefix. ``in_loop``: the handler is called in the loop that starts this view.

        It then gets a slice at a time. Else it is called in the reader's thread. ``partitions``: by default all.
        ``answered_seconds``: for how long the leader of a partition that is read no further must have answered until
        another consumer reads on; by default as long as for one that writes (`service.lost_leader`).
        """
        self._connection = connection
        self._partitions = tuple(range(connection.partitions) if partitions is None else partitions)
        self._topics = dict(topics)
        self._names = {connection.topic(topic): topic for topic in topics}
        self._handler = handler
        self._is_in_loop = in_loop
        self._ages = Ages((topic, number) for topic in topics for number in self._partitions)
        self._watermarks = Watermarks(connection, topics, self._ages.ends)
        self._begun: dict[Log, int] = {}  # at which offsets
        self._standstill = Standstill(answered_seconds=answered_seconds)
        self._told: set[str] = set()  # errors of no partition
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-view", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._failed = asyncio.Event()
        self._all_read = asyncio.Event()
        self.undecodable = 0
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin to read; in a loop."""
        self._loop = asyncio.get_running_loop()
        self._watermarks.start()
        self._thread.start()

    @property
    def is_read(self) -> bool:
        """Whether everything is read that was there at the start."""
        return self._all_read.is_set()

    async def wait_read(self) -> None:
        """Wait until everything is read that was there at the start. Raises why that never will be."""
        read, failed = asyncio.create_task(self._all_read.wait()), asyncio.create_task(self._failed.wait())
        try:
            await asyncio.wait((read, failed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            read.cancel()
            failed.cancel()
        if self.failure is not None:
            raise self.failure

    async def wait_failed(self) -> None:
        """Wait until the view reads no more, and raise why."""
        await self._failed.wait()
        assert self.failure is not None
        raise self.failure

    async def stop(self) -> None:
        """End."""
        self._ended.set()
        await asyncio.to_thread(self._thread.join, _STOP_SECONDS)
        await asyncio.to_thread(self._watermarks.stop)

    # --- how old it is ----------------------------------------------------------------------------

    def age(self, topic: str, partition: int) -> float:
        """Seconds since the reader last stood at the partition's high watermark; infinite before it first did."""
        return self._ages.age((topic, partition))

    def position(self, topic: str, partition: int) -> int:
        """The offset behind the last record that was handed on; -1 before anything is known."""
        return self._ages.position((topic, partition))

    def age_of_key(self, key: str) -> float:
        """The worst age, over all topics of the view, of the partition that a key lies on."""
        number = murmur2.partition(key.encode(), self._connection.partitions)
        return max(self.age(topic, number) for topic in self._topics)

    def since_behind(self, key: str) -> float:
        """For how many seconds no partition that a key lies on has been behind (`edges.kafka.ages`)."""
        number = murmur2.partition(key.encode(), self._connection.partitions)
        return min(self._ages.since_behind((topic, number)) for topic in self._topics)

    def ages(self) -> dict[Log, float]:
        """The age of each (topic, partition)."""
        return self._ages.all()

    @property
    def worst_age(self) -> float:
        """The greatest of all ages."""
        return max(self._ages.all().values())

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            consumer = clients.reader(self._connection)
            renewal = Renewal()
            try:
                while not self._ended.is_set() and not self._assign(consumer):
                    if renewal.is_due():
                        consumer = self._made(consumer)
                    self._ended.wait(EDGE_SECONDS)
                while not self._ended.is_set():
                    self._step(consumer)
                    if not self.is_read and self._ages.is_whole:
                        self._call(self._all_read.set)
                    if self._is_blind():
                        consumer = self._another(consumer)
            finally:
                consumer.close()
        except Exception as error:  # noqa: BLE001  # raised where it is awaited
            _log.error("a reader of Kafka ends", reason=type(error).__name__)
            self.failure = error
            self._call(self._failed.set)

    def _assign(self, consumer: Consumer) -> bool:
        """Find out where to begin, and begin; False: Kafka does not say."""
        try:
            Layout(self._connection, self._topics).leaders(consumer, _ASK_SECONDS)
            self._begun = self._starts(consumer)
            consumer.assign(self._places(self._begun))
        except KafkaException:
            return False
        return True

    def _is_blind(self) -> bool:
        """Whether it is time for another consumer, as this one has lost sight of a partition's leader.

        (`service.lost_leader`.) A log may also end at an open transaction; another consumer does no harm there.
        """
        log = self._standstill.look(lambda: self._ages.still(_STILL_SECONDS))
        if log is not None:
            _log.warning("another Kafka reader takes the place of this one", topic=log[0], partition=log[1])
        return log is not None

    def _another(self, consumer: Consumer) -> Consumer:
        """Another one that reads on where this one is; the same where none can be made."""
        made = self._made(consumer)
        if made is not consumer:
            made.assign(self._places({log: self._ages.position(log) for log in self._begun}))
        return made

    def _made(self, consumer: Consumer) -> Consumer:
        """Another one, this one closed; the same where none can be made."""
        try:
            made = clients.reader(self._connection)
        except KafkaException as error:  # certificates that are just being replaced
            _log.warning("no other Kafka reader can be made", reason=str(error))
            return consumer
        consumer.close()
        return made

    def _places(self, offsets: Mapping[Log, int]) -> list[TopicPartition]:
        """Where a consumer reads on; a log of which nothing was read, where it began."""
        return [
            TopicPartition(self._connection.topic(topic), number, at if at >= 0 else self._begun[topic, number])
            for (topic, number), at in offsets.items()
        ]

    def _starts(self, consumer: Consumer) -> dict[Log, int]:
        found: dict[Log, int] = {}
        for topic, reading in self._topics.items():
            logs = [(topic, number) for number in self._partitions]
            if isinstance(reading.start, FromOffsets):
                found |= {log: reading.start.offsets.get(log[1], OFFSET_BEGINNING) for log in logs}
                continue
            # The ends first: a record that comes between the questions is behind them.
            ends = offsets(consumer, self._connection, logs, OFFSET_END, _ASK_SECONDS)
            firsts = offsets(consumer, self._connection, logs, reading.start.ms, _ASK_SECONDS)
            found |= {log: ends[log] if first < 0 else first for log, first in firsts.items()}
        return found

    def _step(self, consumer: Consumer) -> None:
        """Take what has come, and hand it on."""
        first = consumer.poll(_POLL_SECONDS)
        if first is None:
            return
        positions: dict[Log, int] = {}
        entries: list[Entry] = []
        for message in (first, *consumer.consume(_AT_ONCE - 1, 0)):
            topic, partition, offset = self._names.get(message.topic() or ""), message.partition(), message.offset()
            error = message.error()
            if error is not None and topic is None:
                self._tell(error)
                continue
            assert topic is not None
            assert partition is not None
            assert offset is not None
            if error is None:
                positions[topic, partition] = offset + 1
                self._decode(message, topic, partition, offset, entries)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin so
                positions[topic, partition] = offset
            else:
                self._judge(error, topic)
        if entries and not self._hand_on(entries):
            return
        self._ages.reach(positions)

    def _decode(self, message: Message, topic: str, partition: int, offset: int, entries: list[Entry]) -> None:
        value, reading = message.value(), self._topics[topic]
        decode, decode_message = reading.decode, reading.decode_message
        decoded: Any = value
        while not self._ended.is_set():
            try:
                if decode_message is not None:
                    decoded = decode_message(message)
                elif value is not None and decode is not None:
                    decoded = decode(value)
                break
            except Undecodable:
                self.undecodable += 1
                _log.warning("a record does not decode", topic=topic, partition=partition, offset=offset)
                return
            except RegistryUnreachable:
                self._ended.wait(EDGE_SECONDS)
        else:
            return  # it ends: what is not decoded is handed to nobody
        key = (message.key() or b"").decode(errors="replace")
        entries.append(Entry(topic, partition, offset, message.timestamp()[1], key, decoded))

    def _tell(self, error: KafkaError) -> None:
        """Log, once, an error of no partition: of a group that we may not use, too, as nobody joins it here."""
        if error.name() not in self._told:
            self._told.add(error.name())
            _log.warning("a Kafka client reports an error", client="reader", error=error.name())

    def _judge(self, error: KafkaError, topic: str) -> None:
        """What an error of a partition means; most pass by themselves."""
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            name = self._connection.topic(topic)
            raise TopicsDifferError(f"the broker does not let us read topic {name}: see `ronde topics acl`")
        _log.warning("a partition is not read", topic=topic, error=error.name())

    def _hand_on(self, entries: list[Entry]) -> bool:
        """Call the handler; False: this process ended first."""
        if not self._is_in_loop:
            self._handler(entries)
            return True
        for at in range(0, len(entries), _SLICE):
            handled: Future[None] = Future()
            if not self._call(self._handle, entries[at : at + _SLICE], handled):
                return False
            while not handled.done():
                if self._ended.is_set():
                    return False
                with suppress(TimeoutError):
                    handled.exception(_POLL_SECONDS)
            handled.result()
        return True

    def _handle(self, entries: list[Entry], handled: Future[None]) -> None:
        try:
            self._handler(entries)
        except Exception as error:  # noqa: BLE001  # raised in the thread, which it ends
            handled.set_exception(error)
        else:
            handled.set_result(None)

    def _call(self, function: Callable[..., object], *arguments: object) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed
            return False
        return True
