"""The fake broker's producer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.support.fake_broker.broker import TIMED_OUT, FakeBroker, Transaction

if TYPE_CHECKING:
    from tests.support.fake_broker.consumer import GroupMetadata

FENCED: Final = KafkaError(KafkaError._FENCED, fatal=True)
STATE: Final = KafkaError(KafkaError._STATE)
STALE: Final = KafkaError(KafkaError.UNKNOWN_MEMBER_ID, txn_requires_abort=True)


class FakeProducer:
    """A producer. After an abortable error only an abort passes; after a fatal one, nothing."""

    def __init__(self, broker: FakeBroker, config: Mapping[str, Any]) -> None:
        self.transaction: Transaction | None = None
        self._broker = broker
        self._id: str | None = config.get("transactional.id")
        self._is_ready = False
        self._failure: KafkaError | None = None

    def init_transactions(self, timeout: float = -1) -> None:
        """Take the transactional id from any producer before, and abort its open transaction."""
        with self._broker.changed:
            self._enter("init_transactions")
            assert self._id is not None, "not transactional"
            before = self._broker.producers.get(self._id)
            if before is not None and before.transaction is not None:
                self._broker.end(before.transaction, "aborted")
                before.transaction = None
            self._broker.producers[self._id] = self
            self._is_ready = True

    def begin_transaction(self) -> None:
        """Begin; no question to the broker."""
        with self._broker.changed:
            self._broker.enter("begin_transaction")
            self._check_failure()
            if not self._is_ready or self.transaction is not None:
                raise KafkaException(STATE)
            self.transaction = Transaction()

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = 0,
        callback: object = None,
        on_delivery: object = None,
        timestamp: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Write a record at once; a fenced producer's records are dropped, and its commit fails."""
        with self._broker.changed:
            self._broker.enter("produce")
            if self._failure is not None or (self._id is not None and self.transaction is None):
                raise KafkaException(STATE)
            if not self._is_fenced():
                self._broker.append(
                    (topic, partition), value, key, time_ms=timestamp, headers=headers, transaction=self.transaction
                )

    def poll(self, timeout: float = -1) -> int:
        """Serve no callbacks: deliveries are not reported."""
        return 0

    def flush(self, timeout: float = -1) -> int:
        """Return 0: no record waits."""
        return 0

    def send_offsets_to_transaction(
        self, offsets: list[TopicPartition], metadata: GroupMetadata, timeout: float = -1
    ) -> None:
        """Add offsets of a group; refuse those of a member that the group has dropped."""
        with self._broker.changed:
            self._enter("send_offsets_to_transaction")
            transaction = self._current()
            if not metadata.is_current():
                self._fail(STALE)
            for log in offsets:
                transaction.offsets[metadata.group, (log.topic, log.partition)] = (log.offset, log.metadata or "")

    def commit_transaction(self, timeout: float = -1) -> None:
        """Commit."""
        with self._broker.changed:
            self._enter("commit_transaction")
            self._broker.end(self._current(), "committed")
            self.transaction = None

    def abort_transaction(self, timeout: float = -1) -> None:
        """Abort; what was abortable is over with it."""
        with self._broker.changed:
            if self._failure is not None and not self._failure.fatal():
                self._failure = None
            self._enter("abort_transaction")
            self._broker.end(self._current(), "aborted")
            self.transaction = None

    def _enter(self, call: str) -> None:
        """Raise what stands in the way of a call to the broker."""
        try:
            self._broker.enter(call)
        except KafkaException as refusal:
            self._note(refusal.args[0])
            raise
        self._check_failure()
        if self._broker.away:
            raise KafkaException(TIMED_OUT)
        if self._is_fenced():
            self._fail(FENCED)

    def _current(self) -> Transaction:
        if self.transaction is None:
            raise KafkaException(STATE)
        return self.transaction

    def _is_fenced(self) -> bool:
        return self._id is not None and self._is_ready and self._broker.producers[self._id] is not self

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)

    def _note(self, error: KafkaError) -> None:
        if error.fatal() or error.txn_requires_abort():
            self._failure = error

    def _fail(self, error: KafkaError) -> None:
        self._note(error)
        raise KafkaException(error)
