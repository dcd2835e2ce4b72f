"""Where logs begin and end, and how far the workers' group has come: what is asked before logs are read as they stand.

A log has two ends. The high watermark is that of all records; the last stable offset is that of the records which no
open transaction holds up, and the one that a reader with read_committed gets (architecture.md §3).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is documented there

from schemas.contract.topics import BrokerLog, Log
from service.pauses import KAFKA_SECONDS, kafka_answer
from service.silence import silent
from streams.escalation.values import Instant
from streams.kafka.offset_notes import OffsetNotes, read_notes

if TYPE_CHECKING:
    from streams.settings import Settings

_ASK_SECONDS: Final = 8.0
_GRACE_SECONDS: Final = 2.0  # after which a client that has not kept to its time never will
# How long a log that has more may be held up: longer than any transaction of a worker may stay open.
PATIENCE_SECONDS: Final = 120.0

R = TypeVar("R")


class ReadingError(Exception):
    """The broker does not give what was asked for; the message says what, and what to do."""


class Offsets:
    """Asks the broker. Every method may raise `ReadingError`.

    ``notes``: what the committed offsets tell beside themselves, of the logs that `committed` was asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self.notes: dict[Log, OffsetNotes] = {}
        self._settings = settings
        properties: dict[str, Any] = {**settings.client("admin"), "error_cb": lambda _: None}
        self._admin = AdminClient(properties, logger=silent(__name__))

    def first(self, logs: Iterable[Log]) -> dict[Log, int]:
        """The first offset that is still there."""
        return self._ask(dict.fromkeys(logs, _earliest()))

    def high_watermarks(self, logs: Iterable[Log]) -> dict[Log, int]:
        """The offset after the last record, also of an open transaction."""
        return self._ask(dict.fromkeys(logs, _latest()))

    def last_stable(self, logs: Iterable[Log]) -> dict[Log, int]:
        """The offset up to which no transaction is open."""
        return self._ask(dict.fromkeys(logs, _latest()), is_stable=True)

    def at(self, logs: Iterable[Log], instant: Instant) -> dict[Log, int]:
        """The first offset whose timestamp is not before an instant; the high watermark where there is none."""
        ends = self.high_watermarks(logs)
        answers = self._ask(dict.fromkeys(ends, OffsetSpec.for_timestamp(instant)))
        return {log: ends[log] if offset < 0 else offset for log, offset in answers.items()}

    def settled(self, logs: Iterable[Log]) -> dict[Log, int]:
        """An end of each log before which lie all records that stood in it at the call, and whole transactions only."""
        missing = self.high_watermarks(logs)
        answers: dict[Log, int] = {}
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            for log, offset in self.last_stable(missing).items():
                if offset >= missing[log]:
                    answers[log] = offset
                    del missing[log]
            if not missing:
                return answers
            self._pause(give_up, next(iter(missing)))

    def committed(self, logs: Iterable[Log]) -> dict[Log, int | None]:
        """The committed offsets of the workers' group, once no transaction may move them; None: none so far."""
        missing = {self._named(log): log for log in logs}
        group = self._settings.worker.group
        answers: dict[Log, int | None] = {}
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*named) for named in missing])
            for offset in self._patiently(partial(self._offsets_of, asked), f"the offsets of group {group}"):
                if offset.error is None:
                    log = missing.pop(BrokerLog((offset.topic, offset.partition)))
                    answers[log] = offset.offset if offset.offset >= 0 else None
                    self.notes[log] = read_notes(offset.metadata)
            if not missing:
                return answers
            self._pause(give_up, next(iter(missing.values())))

    def _offsets_of(self, asked: ConsumerGroupTopicPartitions) -> list[TopicPartition]:
        answer = self._admin.list_consumer_group_offsets([asked], require_stable=True, request_timeout=_ASK_SECONDS)
        answers: list[TopicPartition] = _answered(answer[asked.group_id]).topic_partitions
        return answers

    def _ask(self, asked: Mapping[Log, OffsetSpec], *, is_stable: bool = False) -> dict[Log, int]:
        log_of = {TopicPartition(*self._named(log)): log for log in asked}

        def ask() -> dict[Log, int]:
            answers = self._admin.list_offsets(
                {partition: asked[log] for partition, log in log_of.items()},
                isolation_level=IsolationLevel.READ_COMMITTED if is_stable else IsolationLevel.READ_UNCOMMITTED,
                request_timeout=_ASK_SECONDS,
            )
            return {log_of[partition]: cast("int", _answered(answer).offset) for partition, answer in answers.items()}

        return self._patiently(ask, "the ends of its logs") if asked else {}

    def _patiently(self, ask: Callable[[], R], asked_for: str) -> R:
        """Ask again for a while: leaders move, and topics just made are not known everywhere."""
        give_up = time.monotonic() + _ASK_SECONDS
        try:
            return kafka_answer(ask, lambda _: time.monotonic() <= give_up)
        except KafkaException as error:
            raise refusal(self._settings, asked_for, error.args[0]) from error

    def _named(self, log: Log) -> BrokerLog:
        return BrokerLog((self._settings.topic(log[0]), log[1]))

    def _pause(self, give_up: float, log: Log) -> None:
        if time.monotonic() > give_up:
            raise held_up(self._settings, log)
        time.sleep(KAFKA_SECONDS)


def _answered(answer: Future[R]) -> R:
    """The answer, once it is there: the client itself may forget a request (librdkafka #3663)."""
    try:
        return answer.result(_ASK_SECONDS + _GRACE_SECONDS)
    except TimeoutError:
        silence = KafkaError(KafkaError._TIMED_OUT, f"no answer within {_ASK_SECONDS:.0f} s")  # noqa: SLF001  # its name
        raise KafkaException(silence) from None


def _earliest() -> OffsetSpec:
    return cast("OffsetSpec", OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def _latest() -> OffsetSpec:
    return cast("OffsetSpec", OffsetSpec.latest())  # type: ignore[no-untyped-call]


def refusal(settings: Settings, asked_for: str, error: KafkaError) -> ReadingError:
    """The error to raise when the broker did not give what it was asked for."""
    servers = settings.kafka["bootstrap.servers"]
    return ReadingError(f"the broker at {servers} does not give {asked_for}: {error.str()}")


def held_up(settings: Settings, log: Log) -> ReadingError:
    """The error to raise when patience is at its end."""
    return ReadingError(
        f"nothing more comes of {settings.topic(log[0])}, partition {log[1]}, and there is more: the broker is away, "
        f"or a transaction has been open for {PATIENCE_SECONDS:.0f} s (`kafka-transactions.sh list` names it)"
    )
