"""The fake broker's consumer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_INVALID,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from tests.support.fake_broker.broker import TIMED_OUT, FakeBroker, FakeMessage, Log

Callback: TypeAlias = "Callable[[Any, list[TopicPartition]], None]"

EOF: Final = KafkaError(KafkaError._PARTITION_EOF)
RESET: Final = KafkaError(KafkaError._AUTO_OFFSET_RESET)
UNSTABLE: Final = KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT)
_POLL_SECONDS: Final = 0.02
_ids = count(1)


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """A TopicPartition of an answer: confluent-kafka's own takes no error from Python."""

    topic: str
    partition: int
    offset: int
    metadata: str | None = None
    error: KafkaError | None = None


@dataclass(frozen=True, slots=True)
class GroupMetadata:
    """A member at a generation of its group."""

    group: str
    member: FakeConsumer

    def is_current(self) -> bool:
        """Whether the group still has the member."""
        return self.member in self.member.broker.groups[self.group].members


@dataclass(slots=True)
class Fetch:
    """An assigned log: the next offset to fetch, and the position after what was delivered."""

    next: int
    position: int = OFFSET_INVALID
    is_paused: bool = False
    eof_at: int | None = None
    is_stopped: bool = False  # no position that the broker knows


@dataclass(slots=True)
class Callbacks:
    """What `subscribe` was called with."""

    on_assign: Callback | None = None
    on_revoke: Callback | None = None
    on_lost: Callback | None = None


@dataclass(eq=False)
class FakeConsumer:
    """A consumer, outside of a group or, once it has subscribed, in one."""

    broker: FakeBroker
    config: Mapping[str, Any]
    topics: frozenset[str] = frozenset()
    is_lost: bool = False
    is_closed: bool = False
    events: deque[FakeMessage] = field(default_factory=deque)
    owned: set[Log] = field(default_factory=set)  # by the group's callbacks

    def __post_init__(self) -> None:
        self.group: str = self.config["group.id"]
        self._id = f"member-{next(_ids)}"
        self._fetches: dict[Log, Fetch] = {}
        self._callbacks = Callbacks()
        self._is_committed = self.config.get("isolation.level", "read_committed") == "read_committed"
        self._generation = 0
        self._in_callback = False

    # --- the group ----------------------------------------------------------------------------------

    def subscribe(
        self,
        topics: list[str],
        on_assign: Callback | None = None,
        on_revoke: Callback | None = None,
        on_lost: Callback | None = None,
    ) -> None:
        """Join the group; the callbacks run in `poll` and `consume`."""
        with self.broker.changed:
            self.broker.enter("subscribe")
            self.topics = frozenset(topics)
            self._callbacks = Callbacks(on_assign, on_revoke, on_lost)
            self.broker.join(self)

    def memberid(self) -> str:
        """The group's name for this consumer."""
        return self._id

    def consumer_group_metadata(self) -> GroupMetadata:
        """The member, for a transaction."""
        self.broker.enter("consumer_group_metadata")
        return GroupMetadata(self.group, self)

    def close(self) -> None:
        """Give up all partitions, by the callback, and leave the group."""
        with self.broker.changed:
            if self.is_closed:
                return
            if self.owned:
                self._release(self._callbacks.on_revoke, set(self.owned))
            self.broker.leave(self)
            self.is_closed = True

    def _rebalance(self) -> None:
        """Run the callbacks that are due: lost, revoked, then assigned once nobody else has the partitions."""
        if not self.topics:
            return
        if self.is_lost:
            self.is_lost = False
            lost = self._callbacks.on_lost or self._callbacks.on_revoke
            self._release(lost, set(self.owned))
            self.broker.join(self)
        group = self.broker.groups[self.group]
        target = group.targets(self.broker.counts)[self]
        if self.config.get("group.protocol") == "consumer":
            revoked = self.owned - target
        else:
            revoked = set(self.owned) if self._generation != group.generation else set()
        if revoked:
            self._release(self._callbacks.on_revoke, revoked)
        elsewhere = {log for member in group.members if member is not self for log in member.owned}
        gained = target - self.owned
        if gained and not gained & elsewhere:
            self._generation = group.generation
            self.owned |= gained
            logs = _topic_partitions(gained)
            if self._callbacks.on_assign is not None:
                self._callbacks.on_assign(self, logs)
            if not gained <= self._fetches.keys():  # the callback left it to the client
                self.incremental_assign(logs)
        elif target == self.owned:
            self._generation = group.generation

    def _release(self, callback: Callback | None, logs: set[Log]) -> None:
        if callback is not None and logs:
            callback(self, _topic_partitions(logs))
        self.owned -= logs
        for log in logs:
            self._fetches.pop(log, None)
        self.broker.changed.notify_all()

    # --- what is assigned ---------------------------------------------------------------------------

    def assign(self, logs: list[TopicPartition]) -> None:
        """Replace the assignment."""
        with self.broker.changed:
            self._fetches.clear()
            self.incremental_assign(logs)

    def incremental_assign(self, logs: list[TopicPartition]) -> None:
        """Add to the assignment. Raises `KafkaException`: a log is assigned already."""
        with self.broker.changed:
            self.broker.enter("incremental_assign")
            if any((log.topic, log.partition) in self._fetches for log in logs):
                raise KafkaException(KafkaError(KafkaError._CONFLICT))
            for log in logs:
                self._fetches[log.topic, log.partition] = Fetch(self._resolve(log))

    def incremental_unassign(self, logs: list[TopicPartition]) -> None:
        """Take from the assignment. Raises `KafkaException`: a log is not assigned."""
        with self.broker.changed:
            self.broker.enter("incremental_unassign")
            for log in logs:
                if self._fetches.pop((log.topic, log.partition), None) is None:
                    raise KafkaException(KafkaError(KafkaError._INVALID_ARG))

    def pause(self, logs: list[TopicPartition]) -> None:
        """Deliver nothing more of these logs; those not assigned are passed over."""
        self._set_paused(logs, is_paused=True)

    def resume(self, logs: list[TopicPartition]) -> None:
        """Undo `pause`."""
        self._set_paused(logs, is_paused=False)

    def _set_paused(self, logs: list[TopicPartition], *, is_paused: bool) -> None:
        with self.broker.changed:
            self.broker.enter("pause" if is_paused else "resume")
            for log in logs:
                if fetch := self._fetches.get((log.topic, log.partition)):
                    fetch.is_paused = is_paused
            self.broker.changed.notify_all()

    def seek(self, log: TopicPartition) -> None:
        """Deliver from another offset. Raises `KafkaException`: the log is not assigned, or stopped."""
        with self.broker.changed:
            self.broker.enter("seek")
            fetch = self._fetches.get((log.topic, log.partition))
            if fetch is None or fetch.is_stopped:
                raise KafkaException(KafkaError(KafkaError._STATE))
            fetch.next, fetch.position, fetch.eof_at = self._resolve(log), OFFSET_INVALID, None

    def position(self, logs: list[TopicPartition]) -> list[LogAnswer]:
        """The offset after the last delivered record or passed marker; -1001 before any."""
        with self.broker.changed:
            self.broker.enter("position")
            return [
                LogAnswer(log.topic, log.partition, fetch.position if fetch else OFFSET_INVALID)
                for log in logs
                for fetch in [self._fetches.get((log.topic, log.partition))]
            ]

    def _resolve(self, log: TopicPartition) -> int:
        partition = self.broker.logs[log.topic, log.partition]
        if log.offset >= 0:
            return log.offset
        if log.offset == OFFSET_END:
            return partition.end
        offset, _ = self.broker.committed.get((self.group, (log.topic, log.partition)), (partition.start, ""))
        return partition.start if log.offset == OFFSET_BEGINNING else offset

    # --- what is read -------------------------------------------------------------------------------

    def poll(self, timeout: float = -1) -> FakeMessage | None:
        """Run callbacks; return the next record or error event, or None at the timeout."""
        messages = self.consume(1, timeout)
        return messages[0] if messages else None

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[FakeMessage]:
        """Run callbacks; return up to so many records and error events, waiting for the first."""
        until = time.monotonic() + timeout if timeout >= 0 else float("inf")
        with self.broker.changed:
            self.broker.enter("consume")
            assert not self.is_closed, "a closed consumer is not polled"
            while True:
                if not self.broker.away:
                    self._rebalance()
                messages = self._take(num_messages)
                left = until - time.monotonic()
                if messages or left <= 0:
                    return messages
                self.broker.changed.wait(min(left, _POLL_SECONDS))

    def _take(self, most: int) -> list[FakeMessage]:
        messages: list[FakeMessage] = []
        while self.events and len(messages) < most:
            messages.append(self.events.popleft())
        if self.broker.away:
            return messages
        for log, fetch in self._fetches.items():
            if not fetch.is_paused and not fetch.is_stopped:
                self._fetch(log, fetch, messages, most)
        return messages

    def _fetch(self, log: Log, fetch: Fetch, messages: list[FakeMessage], most: int) -> None:
        """Append what a log has, up to the last stable offset for read_committed."""
        partition = self.broker.logs[log]
        if not partition.start <= fetch.next <= partition.end:
            if self.config.get("auto.offset.reset") == "error":
                fetch.is_stopped = True
                messages.append(FakeMessage(log, fetch.next, kafka_error=RESET))
                return
            fetch.next = partition.start
        end = partition.last_stable if self._is_committed else partition.end
        while fetch.next < end and len(messages) < most:
            entry = partition.entries[fetch.next - partition.start]
            fetch.next += 1
            is_aborted = entry.transaction is not None and entry.transaction.status == "aborted"
            if entry.message is not None and not (self._is_committed and is_aborted):
                messages.append(entry.message)
            fetch.position = fetch.next
        if self.config.get("enable.partition.eof") and fetch.next == end != fetch.eof_at and len(messages) < most:
            fetch.eof_at = end
            messages.append(FakeMessage(log, end, kafka_error=EOF))

    # --- questions ----------------------------------------------------------------------------------

    def committed(self, logs: list[TopicPartition], timeout: float = -1) -> list[LogAnswer]:
        """The group's offsets; -1001 where there is none, an error where a transaction may still move one."""
        with self.broker.changed:
            self._ask("committed")
            answers = []
            for log in logs:
                named = (log.topic, log.partition)
                offset, metadata = self.broker.committed.get((self.group, named), (OFFSET_INVALID, ""))
                error = UNSTABLE if self.broker.is_unstable(self.group, named) else None
                answers.append(LogAnswer(*named, OFFSET_INVALID if error else offset, metadata, error))
            return answers

    def get_watermark_offsets(self, log: TopicPartition, timeout: float = -1) -> tuple[int, int]:
        """The first offset, and the high watermark or (read_committed) the last stable offset."""
        with self.broker.changed:
            self._ask("get_watermark_offsets")
            partition = self.broker.logs[log.topic, log.partition]
            return partition.start, partition.last_stable if self._is_committed else partition.end

    def offsets_for_times(self, logs: list[TopicPartition], timeout: float = -1) -> list[LogAnswer]:
        """Where logs begin or end, for `OFFSET_BEGINNING` and `OFFSET_END`."""
        with self.broker.changed:
            self._ask("offsets_for_times")
            answers = []
            for log in logs:
                first, last = self._ends(log)
                answers.append(LogAnswer(log.topic, log.partition, first if log.offset == OFFSET_BEGINNING else last))
            return answers

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> SimpleNamespace:
        """The broker, the topics and the numbers of their partitions."""
        with self.broker.changed:
            self._ask("list_topics")
            topics = {
                name: SimpleNamespace(topic=name, partitions=dict.fromkeys(range(number)))
                for name, number in self.broker.counts.items()
                if topic in {None, name}
            }
            return SimpleNamespace(brokers={1: "fake"}, topics=topics)

    def _ends(self, log: TopicPartition) -> tuple[int, int]:
        partition = self.broker.logs[log.topic, log.partition]
        return partition.start, partition.last_stable if self._is_committed else partition.end

    def _ask(self, call: str) -> None:
        self.broker.enter(call)
        if self.broker.away:
            raise KafkaException(TIMED_OUT)


def _topic_partitions(logs: Iterable[Log]) -> list[TopicPartition]:
    return [TopicPartition(*log) for log in sorted(logs)]
