"""A transactional producer that fences all earlier producers of its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.contract.topics import OWN_BYTES
from service.pauses import KAFKA_SECONDS, kafka_answer, retriable_for
from service.silence import silent

if TYPE_CHECKING:
    from streams.formats.message import Headers
    from streams.settings import Settings

_ATTEMPT_SECONDS: Final = 1.0  # the next attempt continues after it; an abort may hang behind unsent records
_PATIENCE_SECONDS: Final = 30.0  # with a broker that does not answer
_TOO_LARGE: Final = "MSG_SIZE_TOO_LARGE"
_FENCED: Final = frozenset({"_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED", "INVALID_PRODUCER_ID_MAPPING"})


class FencedError(Exception):
    """The broker accepts nothing more from this producer; the message gives the reason and the remedy."""


class TooLargeError(Exception):
    """Records too large for their topic, by their numbers (from 0); their transaction is aborted."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__(f"{len(numbers)} records are too large")
        self.numbers = numbers


class Outgoing(NamedTuple):
    """A record to write; ``topic`` is the name on the broker."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class PartitionOffset(NamedTuple):
    """Where a record was written."""

    partition: int
    offset: int


Then: TypeAlias = Callable[[list[PartitionOffset]], list[Outgoing]]


class FencedProducer:
    """Creating it fences every earlier producer with the same ``name`` and aborts its open transaction."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Raises `FencedError`: the broker does not answer or allow it, or librdkafka refuses the settings."""
        self._servers = settings.kafka["bootstrap.servers"]
        properties: dict[str, Any] = {
            **settings.client("producer"),
            "transactional.id": name,
            # Readers of the input topics wait for an open transaction, so a dead producer's must time out soon.
            "transaction.timeout.ms": settings.worker.transaction_timeout_ms,
            "message.max.bytes": OWN_BYTES + 100_000,
            "batch.size": 500_000,  # a batch must not exceed the largest size of a record
            "linger.ms": 1,
            "error_cb": lambda _: None,
        }
        try:
            self._producer = Producer(properties, logger=silent(__name__))
        except KafkaException as error:
            raise FencedError(
                f"there is no producer with these settings: {error.args[0].str()}. Correct them"
            ) from error
        try:
            self._patiently(self._producer.init_transactions)
        except KafkaException as error:
            raise self._ended(error) from error

    def commit(self, records: list[Outgoing], then: Then | None = None) -> list[PartitionOffset]:
        """Write records in one transaction, then, once their offsets are known, the records that ``then`` returns.

        Raises `TooLargeError`: nothing is done, and another transaction may be begun. `FencedError`: none may be;
        this one is done or not done, as whole, which a reader of its records sees.
        """
        try:
            self._producer.begin_transaction()
            places = self._write(records)
            if then is not None:
                self._write(then(places))
            self._patiently(self._producer.commit_transaction)
        except TooLargeError:
            self._abort()
            raise
        except KafkaException as error:
            ended = self._ended(error)
            if not error.args[0].fatal():
                self._abort()
            raise ended from error
        return places

    def _write(self, records: list[Outgoing]) -> list[PartitionOffset]:
        places: dict[int, PartitionOffset] = {}
        refused: dict[int, KafkaError] = {}

        def delivered(number: int) -> Callable[[KafkaError | None, Message], None]:
            def report(error: KafkaError | None, message: Message) -> None:
                if error is not None:
                    refused[number] = error
                else:
                    places[number] = PartitionOffset(message.partition() or 0, message.offset() or 0)

            return report

        for number, record in enumerate(records):
            try:
                self._produce(record, delivered(number))
            except KafkaException as error:
                refused[number] = error.args[0]
        give_up = time.monotonic() + _PATIENCE_SECONDS
        # Once one record is refused, librdkafka does not send the others of its transaction.
        while not refused and len(places) < len(records):
            self._producer.poll(KAFKA_SECONDS)
            if time.monotonic() > give_up:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the broker does not acknowledge"))  # noqa: SLF001  # its name
        too_large = [number for number, error in refused.items() if error.name() == _TOO_LARGE]
        if too_large:
            raise TooLargeError(too_large)
        for refusal in refused.values():
            raise KafkaException(refusal)
        return [places[number] for number in range(len(records))]

    def _produce(self, record: Outgoing, report: Callable[[KafkaError | None, Message], None]) -> None:
        topic, partition, key, value, headers = record
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=report, headers=headers)
            except BufferError:
                self._producer.poll(KAFKA_SECONDS)
            else:
                return

    def _patiently(self, call: Callable[[float], Any]) -> None:
        """Repeat what may be repeated, for a while: the broker may be busy with the one before us."""
        kafka_answer(partial(call, _ATTEMPT_SECONDS), retriable_for(_PATIENCE_SECONDS))

    def _abort(self) -> None:
        try:
            self._patiently(self._producer.abort_transaction)
        except KafkaException as error:
            raise self._ended(error) from error

    def _ended(self, error: KafkaException) -> FencedError:
        cause: KafkaError = error.args[0]
        if cause.name() in _FENCED:
            return FencedError("another one began meanwhile, and this one gave way to it: see what it did, then go on")
        return FencedError(f"the broker at {self._servers} does not take the transaction: {cause.str()}. Try again")
