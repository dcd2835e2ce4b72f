"""The thread that reads ``state`` and ``sites`` back, for all partitions that are being restored.

Records are not counted: a log ends with a transaction's marker, which nobody sees. A log is read when the
position, or an end-of-partition event, has reached its high watermark (architecture.md §3). Logs do not wait
for each other: one may be held up by a transaction that a dead worker left open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.avro.errors import RegistryUnreachable
from schemas.contract.topics import BrokerLog
from service.logs import logger
from service.pauses import REGISTRY_SECONDS
from streams.runtime import faults

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from service.readiness import ProcessReadiness
    from streams.formats.message import Message
    from streams.observe.metrics import Metrics
    from streams.state.rebuild import Rebuild

_log = logger(__name__)

_LOGS: Final = ("state", "sites")
_AT_ONCE: Final = 10_000  # records
_WAIT_SECONDS: Final = 0.02


@dataclass(slots=True)
class _Reading:
    """A partition being read: what takes its records, by topic; where its logs begin, and where those open end."""

    number: int
    take: Mapping[str, Callable[[Message], None]]
    begins: dict[BrokerLog, int]
    ends: dict[BrokerLog, int]
    done: Future[None] = field(default_factory=Future)


class ChangelogReader:
    """Reads whole partitions; `read` and `close` may be called from any thread."""

    def __init__(
        self, consumer: Consumer, topics: Mapping[str, str], readiness: ProcessReadiness, metrics: Metrics
    ) -> None:
        self._consumer = consumer
        self._topics = topics  # on the broker, of "state" and "sites"
        self._readiness = readiness
        self._metrics = metrics
        self._asked: SimpleQueue[_Reading | None] = SimpleQueue()
        self._readings: dict[int, _Reading] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="restore", daemon=True)
        self._thread.start()

    def read(self, rebuild: Rebuild, begins: Mapping[str, int], ends: Mapping[str, int]) -> Future[None]:
        """Give a partition's records of "state" and "sites" to what rebuilds it, from their begins to their ends.

        Cancelling the future ends the reading. A partition is read once at a time.
        """
        topics, number = self._topics, rebuild.number
        reading = _Reading(
            number,
            {topics["state"]: rebuild.take_state, topics["sites"]: rebuild.take_site},
            {BrokerLog((topics[topic], number)): begins[topic] for topic in _LOGS},
            {BrokerLog((topics[topic], number)): ends[topic] for topic in _LOGS},
        )
        self._asked.put(reading)
        return reading.done

    def close(self) -> None:
        """End the thread; what is being read is left."""
        self._closing.set()
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._take_up():
                if self._readings:
                    self._read_some()
        except Exception as error:  # noqa: BLE001  # raised where it is awaited
            for reading in self._readings.values():
                with suppress(InvalidStateError):
                    reading.done.set_exception(error)
        self._consumer.close()

    def _take_up(self) -> bool:
        """Begin the readings that were ordered; wait for one if none is under way. False: the reader is closed."""
        while True:
            try:
                reading = self._asked.get(block=not self._readings)
            except Empty:
                return True
            if reading is None:
                return False
            self._leave(reading.number)
            self._readings[reading.number] = reading
            # By their offsets: what "the beginning" is would be asked for, which takes half a second when it fails.
            self._consumer.incremental_assign([TopicPartition(*log, begin) for log, begin in reading.begins.items()])

    def _leave(self, number: int) -> None:
        """Stop reading what is left of a partition."""
        reading = self._readings.pop(number, None)
        if reading is not None and reading.ends:
            self._consumer.incremental_unassign([TopicPartition(*log) for log in reading.ends])

    def _read_some(self) -> None:
        reached: dict[BrokerLog, int] = {}
        for message in self._consumer.consume(_AT_ONCE, _WAIT_SECONDS):
            error = message.error()
            if error is None:
                self._pass_on(cast("Message", message))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its name
                log = BrokerLog((cast("str", message.topic()), cast("int", message.partition())))
                reached[log] = cast("int", message.offset())
            elif error.fatal():
                raise KafkaException(error)
            else:
                _log.warning("a restore is held up", error=error.name())
        if self._closing.is_set():
            return  # records may have been left out
        for reading in list(self._readings.values()):
            if reading.done.cancelled():
                self._leave(reading.number)
            else:
                self._finish(reading, reached)

    def _pass_on(self, message: Message) -> None:
        reading = self._readings.get(message.partition())
        if reading is None or reading.done.cancelled() or self._closing.is_set():
            return  # left meanwhile
        faults.at("during_restore")
        take = reading.take[message.topic()]
        try:
            take(message)
        except RegistryUnreachable:
            self._wait_for_registry(take, message, reading)

    def _wait_for_registry(self, take: Callable[[Message], None], message: Message, reading: _Reading) -> None:
        """Pass a record on once the registry answers, unless nobody waits for it any more."""
        while not reading.done.cancelled():
            self._metrics.registry_failures.inc()
            self._readiness.wait("registry", "the schema registry does not answer; a restore waits for it")
            if self._closing.wait(REGISTRY_SECONDS):
                return
            try:
                take(message)
            except RegistryUnreachable:
                continue
            break
        self._readiness.arrive("registry")  # also where nobody waits for this record any more: the next one asks again

    def _finish(self, reading: _Reading, reached: Mapping[BrokerLog, int]) -> None:
        """Leave the logs that are read to their end."""
        for position in self._consumer.position([TopicPartition(*log) for log in reading.ends]):
            log = BrokerLog((position.topic, position.partition))
            if max(position.offset, reached.get(log, 0)) >= reading.ends[log]:
                del reading.ends[log]
                self._consumer.incremental_unassign([TopicPartition(*log)])
        if not reading.ends:
            del self._readings[reading.number]
            with suppress(InvalidStateError):  # cancelled meanwhile
                reading.done.set_result(None)
