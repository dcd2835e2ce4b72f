"""Reading topics as they stand: spans of logs, by offsets, in no group and committing nothing.

Everything is read with read_committed, up to a given offset and not to "the end": a log ends with a transaction's
marker, which no reader is shown, and behind an open transaction there may be more (architecture.md §3).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.contract.topics import ENGINE_TOPICS, RECEIVED_BYTES
from service.headers import headers_of
from service.log_record import LogRecord
from service.silence import silent
from streams.kafka import offsets
from streams.kafka.admin import ANSWER_SECONDS
from streams.kafka.offsets import Offsets, ReadingError, held_up, refusal
from streams.kafka.topics import find, find_some

if TYPE_CHECKING:
    from streams.formats.message import Message
    from streams.settings import Settings

__all__ = ["LogRecord", "Logs", "Span"]

_AT_ONCE: Final = 5000  # records
_POLL_SECONDS: Final = 0.5
# The group's is no matter: who reads here neither joins it nor commits to it, and need not be let into it.
_PASSING: Final = frozenset({"_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "GROUP_AUTHORIZATION_FAILED"})


class Span(NamedTuple):
    """The offsets from ``begin`` to before ``end`` of one log."""

    topic: str  # without prefix
    partition: int
    begin: int
    end: int


class Logs:
    """The logs of all topics. ``told`` hears how many offsets were passed, as they are. One span is read at a time.

    Every method may raise `ReadingError`; making one raises `TopicsError` where no broker answers.
    """

    def __init__(
        self,
        settings: Settings,
        told: Callable[[int], None] = lambda _: None,
        only: Collection[str] | None = None,
        role: str | None = None,
    ) -> None:
        """With ``only``, those topics, by the rights of ``role`` (`schemas.contract.roles`); else all, as a worker."""
        self.settings = settings
        # By name on the broker.
        self.topics = find(settings, ENGINE_TOPICS) if only is None else find_some(settings, only, role)
        self.offsets = Offsets(settings)
        self.told = told
        properties: dict[str, Any] = {
            "receive.message.max.bytes": RECEIVED_BYTES,
            **settings.client("consumer"),
            "group.id": settings.worker.group,  # the client wants one; it neither joins nor commits
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,  # an empty answer marks the end of a partition
            "error_cb": lambda _: None,
        }
        self._consumer = Consumer(properties, logger=silent(__name__))
        self._spans = 0  # begun
        # A client that meets a topic for the first time takes a second to find its leaders, unless it knows all.
        try:
            self._consumer.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise refusal(settings, "its topics", error.args[0]) from error

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def require(self, topics: Iterable[str]) -> int:
        """The number of partitions that these topics have. ReadingError: one is missing, or they differ."""
        names = [self.settings.topic(topic) for topic in topics]
        missing = [name for name in names if name not in self.topics]
        if missing:
            raise ReadingError(
                f"no topic {', '.join(missing)} on the broker at {self.settings.kafka['bootstrap.servers']}: "
                "correct `prefix`, or make it with `ronde topics create`"
            )
        counts = {self.topics[name].partitions for name in names}
        if len(counts) > 1:
            raise ReadingError("the topics have different numbers of partitions: see `ronde topics check`")
        return counts.pop()

    def read(self, span: Span) -> Iterator[LogRecord]:
        """The committed records of a span, oldest first; an unfinished one ends when another is begun."""
        topic, number, reached, end = span
        if reached >= end:
            return
        self._consumer.assign([TopicPartition(self.settings.topic(topic), number, reached)])
        self._spans += 1
        ours = self._spans
        heard = time.monotonic()
        while reached < end:
            if self._spans != ours:
                return
            before = reached
            for message in self._some():
                offset = cast("int", message.offset())
                error = message.error()
                if error is not None:
                    reached = max(reached, self._reached(error, topic, offset))
                elif offset >= end:
                    reached = end
                    break
                else:
                    reached = offset + 1
                    yield _record(topic, message)
            self.told(min(reached, end) - before)
            if reached > before:
                heard = time.monotonic()
            elif time.monotonic() - heard > offsets.PATIENCE_SECONDS:
                raise held_up(self.settings, (topic, number))
        self._consumer.unassign()

    def _some(self) -> list[Any]:
        """Return the messages that have arrived; wait a little for the first."""
        first = self._consumer.poll(_POLL_SECONDS)
        return [] if first is None else [first, *self._consumer.consume(_AT_ONCE, 0)]

    def _reached(self, error: KafkaError, topic: str, offset: int) -> int:
        """How far a log was read, by the client's errors; raise those that do not pass by themselves."""
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its name
            return offset
        if error.retriable() or error.name() in _PASSING:
            return 0
        raise refusal(self.settings, f"topic {self.settings.topic(topic)}", error)


def _record(topic: str, message: Message) -> LogRecord:
    return LogRecord(
        topic,
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers_of(message),
    )
