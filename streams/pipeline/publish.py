"""The third stage's other half: one transaction per chunk, in a thread of its own (architecture.md §3).

State, outputs and the offsets of the inputs are committed together or not at all. What fails is one of two
things: abortable (then the log is right and memory is not: restore and go on), or the end of this worker.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, ParamSpec

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.contract.topics import BrokerLog
from service.logs import logger
from service.pauses import KAFKA_SECONDS, kafka_answer
from streams.kafka.offset_notes import OffsetNotes
from streams.runtime import faults
from streams.runtime.errors import WorkerError

if TYPE_CHECKING:
    from streams.pipeline.batch import OutputBatch, Record

_log = logger(__name__)

_ATTEMPT_SECONDS: Final = 2.0  # then it is logged and repeated
_MINUTE: Final = 60.0
_NO_NOTES: Final = OffsetNotes()

_ID_TAKEN: Final = (
    "another process has this worker.id (give each its own), or this one stood still for longer than "
    "worker.transaction_timeout_ms"
)
TIME_REFUSED: Final = "INVALID_TIMESTAMP"  # the name of Kafka's error
# What to do about a refusal, by the name of Kafka's error.
_REMEDIES: Final = MappingProxyType(
    {
        "_FENCED": _ID_TAKEN,
        "INVALID_PRODUCER_EPOCH": _ID_TAKEN,
        "PRODUCER_FENCED": _ID_TAKEN,
        TIME_REFUSED: (
            "this worker's clock and the brokers' differ by more than the topics take "
            "(message.timestamp.after.max.ms, an hour unless you set it): set the clocks right"
        ),
    }
)

P = ParamSpec("P")


class WorkerFencedError(WorkerError):
    """The transaction cannot go on and this worker neither: another one has its id, or the broker refuses it."""


class TooManyAbortsError(WorkerError):
    """Commits are refused again and again; a fresh start is safer than another attempt."""


class Transactions:
    """The worker's transactions, one at a time. All methods belong to one thread but `stop` and `seconds`.

    ``refusal`` names Kafka's error of the last one that was refused.
    """

    def __init__(
        self,
        producer: Producer,
        consumer: Consumer,
        aborts_per_minute: int,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._producer = producer
        self._consumer = consumer
        self._aborts_per_minute = aborts_per_minute
        self._steady = steady
        self._aborts: deque[float] = deque()
        self._stopped = False
        self._since: float | None = None
        self.refusal = ""

    @property
    def seconds(self) -> float:
        """How long the transaction under way has taken, 0 without one; from any thread."""
        since = self._since
        return 0.0 if since is None else self._steady() - since

    def stop(self) -> None:
        """Make no further attempt of what the broker does not answer."""
        self._stopped = True

    def begin(self) -> None:
        """Take this worker's transactional id, and end the transaction of its life before, if one is open."""
        self._since = self._steady()
        self._patiently(self._producer.init_transactions, _ATTEMPT_SECONDS)
        self._since = None

    def commit(self, batch: OutputBatch) -> bool:
        """Write a batch. False: it was refused and is undone; what is in memory must be restored from the log.

        Raises:
            WorkerFencedError: no transaction of this worker will be accepted any more.
            TooManyAbortsError: this was one more refusal than a minute may have.

        """
        self._since = self._steady()
        try:
            self._producer.begin_transaction()
            faults.at("before_produce")
            self._write(batch.records)
            faults.at("after_produce")
            self._send_offsets(batch)
            faults.at("after_offsets")
            self._patiently(self._producer.commit_transaction, _ATTEMPT_SECONDS)
            faults.at("after_commit")
        except KafkaException as error:
            self._undo(error.args[0])
            return False
        except Exception:
            self._abandon()
            raise
        finally:
            self._since = None
        return True

    def _write(self, records: list[Record]) -> None:
        produce: Callable[..., None] = self._producer.produce
        for record in records:
            while True:
                try:
                    produce(*record)
                    break
                except BufferError:
                    self._producer.poll(KAFKA_SECONDS)  # until some are delivered
        self._producer.poll(0)

    def _send_offsets(self, batch: OutputBatch) -> None:
        if not batch.next_offsets:
            return
        offsets = [
            TopicPartition(topic, number, offset, batch.notes.get(BrokerLog((topic, number)), _NO_NOTES).words())
            for topic, number, offset in batch.next_offsets
        ]
        # Taken right before it is sent: the group may have moved on since the chunk was read, and if we still
        # hold the partitions that is no reason to refuse it.
        group = self._consumer.consumer_group_metadata()
        self._patiently(self._producer.send_offsets_to_transaction, offsets, group, _ATTEMPT_SECONDS)

    def _patiently(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Repeat what may be repeated until the broker answers: it may be away for longer than one attempt."""

        def is_repeated(error: KafkaError) -> bool:
            if not error.retriable() or self._stopped:
                return False
            _log.warning("the broker does not answer", call=call.__name__, error=error.name())
            return True

        kafka_answer(partial(call, *args, **kwargs), is_repeated)

    def _undo(self, error: KafkaError) -> None:
        """Abort what was refused, if that helps."""
        self.refusal = error.name()
        _log.warning("a transaction is refused", error=error.name(), fatal=error.fatal())
        if error.fatal() or self._stopped:
            self._abandon()
            raise WorkerFencedError(f"no transaction of this worker is accepted: {_reason(error.name())}")
        # A record is refused with a mere "erroneous state" once its transaction has failed: abort says which.
        if not error.txn_requires_abort() and error.code() != KafkaError._STATE:  # noqa: SLF001  # its name
            self._abandon()
            raise WorkerFencedError(f"no transaction of this worker is accepted: {_reason(error.name())}")
        try:
            self._patiently(self._producer.abort_transaction, _ATTEMPT_SECONDS)
        except KafkaException as fatal:
            reason = _reason(fatal.args[0].name())
            raise WorkerFencedError(f"a refused transaction cannot be aborted: {reason}") from fatal
        self._count_abort()

    def _count_abort(self) -> None:
        now = self._steady()
        self._aborts.append(now)
        while now - self._aborts[0] > _MINUTE:
            self._aborts.popleft()
        if len(self._aborts) > self._aborts_per_minute:
            reason = _reason(self.refusal)
            raise TooManyAbortsError(
                f"{len(self._aborts)} transactions were refused within a minute, the last one as {reason}"
            )

    def _abandon(self) -> None:
        """Tell the broker, if it listens, so that nobody waits for the time-out; this worker ends either way."""
        if self._stopped:
            return
        try:
            self._producer.abort_transaction(_ATTEMPT_SECONDS)
        except KafkaException as error:
            _log.warning("the transaction is left to its time-out", error=error.args[0].name())


def _reason(name: str) -> str:
    """Kafka's name of an error, and what it means to the engineer who must act."""
    remedy = _REMEDIES.get(name)
    return name if remedy is None else f"{name}: {remedy}"
