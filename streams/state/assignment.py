"""Which partitions this worker holds, and how each gets to work: assigned, restored, caught up (architecture.md §3).

All of it belongs to the reader's thread. librdkafka reports changes during a poll, so never while a chunk is in
flight: the drain before a revocation is made by that alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.contract.topics import INPUT_TOPICS, BrokerLog
from service.logs import logger
from streams.runtime import faults
from streams.runtime.errors import WorkerError
from streams.state.restore import Order, RestoredPartition, Restores

if TYPE_CHECKING:
    from service.readiness import ProcessReadiness
    from streams.formats.message import Message
    from streams.observe.metrics import Metrics
    from streams.runtime.clock import Clock
    from streams.settings import Settings
    from streams.state.partition import Store, Unusable

_log = logger(__name__)

_NOTHING: Final[Mapping[str, Unusable]] = MappingProxyType({})


class InputsOutOfPlaceError(WorkerError):
    """A partition began before its committed offsets; going on would handle inputs twice."""


class Assignment:
    """The partitions held, by number; a partition is that of all input topics together.

    Its partitions in the store are those at work; the others are paused, waiting for their restore.
    """

    def __init__(
        self,
        consumer: Consumer,
        store: Store,
        restores: Restores,
        settings: Settings,
        readiness: ProcessReadiness,
        metrics: Metrics,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._restores = restores
        self._readiness = readiness
        self._metrics = metrics
        self._topics = {settings.topic(topic): topic for topic in INPUT_TOPICS}
        self._is_incremental = settings.worker.group_protocol == "consumer"
        self._catch_up_seconds = settings.worker.catch_up_seconds
        self._held: defaultdict[int, set[str]] = defaultdict(set)  # topics on the broker
        self._orders: dict[int, Order] = {}
        self._catching_up: dict[int, float] = {}  # until when, by the steady clock
        self._first_inputs: dict[BrokerLog, int] = {}  # not seen yet

    def subscribe(self) -> None:
        """Join the group."""
        self._consumer.subscribe(
            list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    # --- what the group decides -------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, logs: list[TopicPartition]) -> None:
        self._metrics.rebalances.labels("assigned").inc()
        for log in logs:
            # Placeholder; the restore seeks later. The client would ask the broker for a logical offset, and
            # the answer, or its repeat half a second later, may come after that and undo it.
            log.offset = 0
        if self._is_incremental:
            consumer.incremental_assign(logs)
        else:
            consumer.assign(logs)
        consumer.pause(logs)
        for log in logs:
            self._held[log.partition].add(log.topic)
        numbers = sorted({log.partition for log in logs})
        _log.info("partitions assigned", partitions=numbers)
        self._readiness.arrive("group")
        for number in numbers:
            if self._held[number] == self._topics.keys():
                self._order(number, _NOTHING)

    def _on_revoke(self, _consumer: Consumer, logs: list[TopicPartition]) -> None:
        faults.at("during_revoke")
        self._metrics.rebalances.labels("revoked").inc()
        self._drop(logs)

    def _on_lost(self, _consumer: Consumer, logs: list[TopicPartition]) -> None:
        self._metrics.rebalances.labels("lost").inc()
        self._readiness.wait("group", "the group went on without this worker; it joins again")
        self._drop(logs)

    def _drop(self, logs: Iterable[TopicPartition]) -> None:
        for log in logs:
            self._held[log.partition].discard(log.topic)
        numbers = sorted({log.partition for log in logs})
        _log.info("partitions given up", partitions=numbers)
        for number in numbers:
            self._leave(number)
            if self._held[number]:
                self._consumer.pause(self._logs(number))  # of no use without the others
            else:
                del self._held[number]
        self._report_restores()

    # --- restores -----------------------------------------------------------------------------------

    def rewind(self, number: int, unusable: Mapping[str, Unusable] = _NOTHING) -> None:
        """Restore a partition that is held from the log, and read its inputs again from where they are committed.

        Its clock goes on: a new one would follow the wall clock wherever that was set meanwhile.
        """
        before = self._store.partitions.get(number)
        self._consumer.pause(self._logs(number))
        self._leave(number)
        self._order(number, unusable, None if before is None else before.clock)

    def settle(self) -> None:
        """Let partitions whose restore is done go to work. Raises what a restore failed with."""
        while not self._restores.results.empty():
            restored = self._restores.results.get()
            if isinstance(restored, Exception):
                raise restored
            if self._orders.get(restored.order.number) is restored.order:
                self._begin(restored)  # else it was given up meanwhile, or ordered again

    def _begin(self, restored: RestoredPartition) -> None:
        number = restored.order.number
        del self._orders[number]
        for log in self._logs(number):
            log.offset = restored.partition.first_inputs[self._topics[log.topic]]
            self._first_inputs[_log_of(log)] = log.offset
            self._read_from(log)
        self._consumer.resume(self._logs(number))
        assert number not in self._store.partitions, "a partition is given up before it is restored"
        self._store.partitions[number] = restored.partition
        self._metrics.hold(number)
        if restored.partition.waiting:
            self._catching_up[number] = time.monotonic() + self._catch_up_seconds
        self._report_restores()

    def _read_from(self, log: TopicPartition) -> None:
        """Read a log on from an offset.

        The client may have asked for the placeholder before it was paused. Where retention has deleted that offset,
        the client has stopped reading the log, and cannot seek: it is assigned again.
        """
        try:
            self._consumer.seek(log)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001  # its name
                raise
            _log.info("a log that the client had stopped reading is assigned again", log=f"{log.topic}/{log.partition}")
            if self._is_incremental:
                self._consumer.incremental_unassign([log])
                self._consumer.incremental_assign([log])
                return
            self._first_inputs |= self.positions()  # or the client would not know them any more
            held = [other for number in self._held for other in self._logs(number)]
            unknown = [other for other in held if _log_of(other) not in self._first_inputs]
            for other in held:
                other.offset = self._first_inputs.get(_log_of(other), 0)
            self._consumer.assign(held)
            self._consumer.pause(unknown)

    def is_before_first(self, message: Message) -> bool:
        """Whether an event is of an offset before those that were restored: of the placeholder."""
        partition = self._store.partitions[message.partition() or 0]
        return (message.offset() or 0) < partition.first_inputs[self._topics[message.topic() or ""]]

    def _order(self, number: int, unusable: Mapping[str, Unusable], clock: Clock | None = None) -> None:
        order = self._orders[number] = Order(number, unusable, clock)
        self._restores.order(order)
        self._report_restores()

    def _leave(self, number: int) -> None:
        if self._orders.pop(number, None) is not None:
            self._restores.cancel(number)
        self._store.partitions.pop(number, None)
        self._catching_up.pop(number, None)
        for topic in self._topics:
            self._first_inputs.pop(BrokerLog((topic, number)), None)

    def _report_restores(self) -> None:
        if self._orders:
            self._readiness.wait("restore", f"restoring partitions {sorted(self._orders)}")
        else:
            self._readiness.arrive("restore")

    # --- what is read -------------------------------------------------------------------------------

    def accept(self, messages: list[Message]) -> list[Message]:
        """The messages of partitions at work; those of the others are read again once they are restored.

        Raises `InputsOutOfPlaceError`.
        """
        if len(self._held) != len(self._store.partitions):
            messages = [message for message in messages if message.partition() in self._store.partitions]
        if self._first_inputs:
            for message in messages:
                # A `BrokerLog` would be a call for each record.
                first = self._first_inputs.pop((message.topic(), message.partition()), None)  # type: ignore[call-overload]
                if first is not None and message.offset() < first:
                    raise InputsOutOfPlaceError(
                        f"{message.topic()}, partition {message.partition()}: read from offset {message.offset()}, "
                        f"but {first} is committed"
                    )
        return messages

    def caught_up(self) -> frozenset[int]:
        """The partitions whose waiting inputs have all been read by now, or have had their time; each once."""
        done = []
        for number, until in self._catching_up.items():
            waiting = self._store.partitions[number].waiting
            if time.monotonic() >= until or self._have_passed(number, waiting):
                done.append(number)
        for number in done:
            del self._catching_up[number]
        return frozenset(done)

    def phases(self) -> dict[str, int]:
        """The number of partitions in each phase."""
        catching_up = len(self._catching_up)
        return {
            "restoring": len(self._held) - len(self._store.partitions),
            "catching_up": catching_up,
            "working": len(self._store.partitions) - catching_up,
        }

    def positions(self) -> dict[BrokerLog, int]:
        """The next offset of each input at work."""
        logs = [log for number in self._store.partitions for log in self._logs(number)]
        return {
            _log_of(log): max(log.offset, self._first_inputs.get(_log_of(log), 0))
            for log in (self._consumer.position(logs) if logs else [])
        }

    def note_positions(self) -> dict[BrokerLog, int]:
        """The positions, noted in the partitions too; while no chunk is in flight, so that all before them is handled.

        What lies between them and the next input to be handled is no input: retention may delete it.
        """
        positions = self.positions()
        for (topic, number), position in positions.items():
            self._store.partitions[number].passed[self._topics[topic]] = position
        return positions

    def _have_passed(self, number: int, waiting: Mapping[str, int]) -> bool:
        """Positions pass over transaction markers too, which no message shows."""
        logs = [log for log in self._logs(number) if self._topics[log.topic] in waiting]
        positions = self._consumer.position(logs)
        return all(log.offset >= waiting[self._topics[log.topic]] for log in positions)

    def _logs(self, number: int) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic in sorted(self._held[number])]


def _log_of(log: TopicPartition) -> BrokerLog:
    return BrokerLog((log.topic, log.partition))
