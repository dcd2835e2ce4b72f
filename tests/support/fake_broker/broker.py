"""Logs, transactions, committed offsets and groups of the fake broker."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

if TYPE_CHECKING:
    from tests.support.fake_broker.consumer import FakeConsumer
    from tests.support.fake_broker.producer import FakeProducer

Log: TypeAlias = tuple[str, int]  # topic, partition
Refusal: TypeAlias = "KafkaError | Exception"

TIMED_OUT: Final = KafkaError(KafkaError._TIMED_OUT, retriable=True)


@dataclass(slots=True, eq=False)
class Transaction:
    """A transaction of a producer: ``open``, ``committed`` or ``aborted``."""

    status: str = "open"
    logs: set[Log] = field(default_factory=set)
    offsets: dict[tuple[str, Log], tuple[int, str]] = field(default_factory=dict)  # by group and log


@dataclass(frozen=True, slots=True, eq=False)
class FakeMessage:
    """A record, or an error event, with the accessors of confluent-kafka's Message."""

    log: Log
    at: int
    raw_key: bytes | None = None
    raw_value: bytes | None = None
    time_ms: int = 0
    raw_headers: list[tuple[str, bytes]] | None = None
    kafka_error: KafkaError | None = None

    def topic(self) -> str:
        return self.log[0]

    def partition(self) -> int:
        return self.log[1]

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return self.raw_key

    def value(self) -> bytes | None:
        return self.raw_value

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self.raw_headers

    def error(self) -> KafkaError | None:
        return self.kafka_error


@dataclass(frozen=True, slots=True)
class Entry:
    """An offset of a log: a record, or (None) a transaction's marker."""

    message: FakeMessage | None
    transaction: Transaction | None


@dataclass(slots=True)
class PartitionLog:
    """The entries of a partition from ``start``."""

    start: int = 0
    entries: list[Entry] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The high watermark."""
        return self.start + len(self.entries)

    @property
    def last_stable(self) -> int:
        """The offset of the first record of an open transaction, or the high watermark."""
        for offset, entry in enumerate(self.entries, self.start):
            if entry.transaction is not None and entry.transaction.status == "open":
                return offset
        return self.end


@dataclass(slots=True)
class Group:
    """The members of a group in the order of their joining, and the partitions that each has by its callbacks."""

    generation: int = 0
    members: list[FakeConsumer] = field(default_factory=list)

    def targets(self, counts: Mapping[str, int]) -> dict[FakeConsumer, set[Log]]:
        """The range assignor: of each topic, equal runs of partitions in the order of the members."""
        targets: dict[FakeConsumer, set[Log]] = {member: set() for member in self.members}
        for topic in {topic for member in self.members for topic in member.topics}:
            subscribed = [member for member in self.members if topic in member.topics]
            for number in range(counts.get(topic, 0)):
                targets[subscribed[number * len(subscribed) // counts[topic]]].add((topic, number))
        return targets


class FakeBroker:
    """The broker. ``away``: it answers nothing; transactional calls and questions time out at once."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.counts = dict(topics)
        self.logs = {(topic, number): PartitionLog() for topic, count in topics.items() for number in range(count)}
        self.committed: dict[tuple[str, Log], tuple[int, str]] = {}
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.producers: dict[str, FakeProducer] = {}  # the latest of each transactional id
        self.away = False
        self.calls: list[str] = []
        self._refusals: defaultdict[str, deque[Refusal]] = defaultdict(deque)

    # --- clients ------------------------------------------------------------------------------------

    def consumer(self, config: Mapping[str, Any]) -> FakeConsumer:
        """Make a consumer; of its properties, those that change which records it delivers count."""
        from tests.support.fake_broker.consumer import FakeConsumer  # noqa: PLC0415 - it imports this module

        return FakeConsumer(self, config)

    def producer(self, config: Mapping[str, Any]) -> FakeProducer:
        """Make a producer, transactional if ``transactional.id`` is set."""
        from tests.support.fake_broker.producer import FakeProducer  # noqa: PLC0415 - it imports this module

        return FakeProducer(self, config)

    # --- faults -------------------------------------------------------------------------------------

    def refuse(self, call: str, *errors: Refusal) -> None:
        """Answer the next calls of that name, of any client, by these errors, one each."""
        with self.changed:
            self._refusals[call] += errors

    def enter(self, call: str) -> None:
        """Note a call. Raises what `refuse` holds for it."""
        self.calls.append(call)
        if self._refusals[call]:
            error = self._refusals[call].popleft()
            raise KafkaException(error) if isinstance(error, KafkaError) else error

    def event(self, error: KafkaError, log: Log = ("", -1), offset: int = OFFSET_INVALID) -> None:
        """Deliver an error event at the next poll of every consumer in a group."""
        with self.changed:
            for group in self.groups.values():
                for member in group.members:
                    member.events.append(FakeMessage(log, offset, kafka_error=error))
            self.changed.notify_all()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Be away for the time of a with statement."""
        self.away = True
        try:
            yield
        finally:
            with self.changed:
                self.away = False
                self.changed.notify_all()

    def expire(self, member: FakeConsumer) -> None:
        """Drop a member whose session has timed out; it learns of that at its next poll, as `on_lost`."""
        with self.changed:
            self.leave(member)
            member.is_lost = True

    # --- logs ---------------------------------------------------------------------------------------

    def append(
        self,
        log: Log,
        value: bytes | None,
        key: bytes | None = None,
        *,
        time_ms: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
        transaction: Transaction | None = None,
    ) -> int:
        """Write a record; return its offset."""
        with self.changed:
            partition = self.logs[log]
            offset = partition.end
            partition.entries.append(Entry(FakeMessage(log, offset, key, value, time_ms, headers), transaction))
            if transaction is not None:
                transaction.logs.add(log)
            self.changed.notify_all()
            return offset

    def trim(self, log: Log, before: int) -> None:
        """Delete the records before an offset, as retention does."""
        with self.changed:
            partition = self.logs[log]
            del partition.entries[: before - partition.start]
            partition.start = before

    def recreate(self, log: Log) -> None:
        """Empty a log, from offset 0, as deleting and creating its topic does; committed offsets stay."""
        with self.changed:
            self.logs[log] = PartitionLog()

    def end(self, transaction: Transaction, status: str) -> None:
        """Commit or abort a transaction: a marker in each log that it wrote to, and its offsets in force."""
        with self.changed:
            assert transaction.status == "open", "a transaction ends once"
            transaction.status = status
            for log in transaction.logs:
                self.logs[log].entries.append(Entry(None, transaction))
            if status == "committed":
                self.committed |= transaction.offsets
            self.changed.notify_all()

    def is_unstable(self, group: str, log: Log) -> bool:
        """Whether an open transaction may still move a committed offset."""
        current = (producer.transaction for producer in self.producers.values())
        return any(
            transaction is not None and transaction.status == "open" and (group, log) in transaction.offsets
            for transaction in current
        )

    # --- groups -------------------------------------------------------------------------------------

    def join(self, member: FakeConsumer) -> None:
        """Take a member into its group."""
        group = self.groups[member.group]
        group.members.append(member)
        group.generation += 1
        self.changed.notify_all()

    def leave(self, member: FakeConsumer) -> None:
        """Drop a member of its group, if it is there."""
        group = self.groups[member.group]
        if member in group.members:
            group.members.remove(member)
            group.generation += 1
            self.changed.notify_all()
