"""The reader of chunks: the group's consumer, polled in a thread of its own (architecture.md §2).

One chunk is in flight: the thread hands over what has arrived, and polls again when its transaction is done.
A chunk is what has arrived: small when idle, large when behind.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException

from schemas.contract.topics import BrokerLog
from service.hearing import Hearing
from service.logs import logger
from streams.escalation.values import Instant
from streams.pipeline.chunk import InputChunk

if TYPE_CHECKING:
    from streams.formats.message import Message
    from streams.observe.metrics import Metrics
    from streams.state.assignment import Assignment
    from streams.state.partition import Store

_log = logger(__name__)

# The longest wait for inputs; then it is looked whether a restore is done, or the worker is to end.
_IDLE_SECONDS: Final = 0.1
_NOTE_SECONDS: Final = 1.0
# The errors beside records that end the worker: where a partition begins is not for the client to guess.
_ENDING: Final = frozenset({KafkaError._AUTO_OFFSET_RESET})  # noqa: SLF001  # its name


class StoppedError(Exception):
    """The chunk under way is left: the worker is to end and the broker does not answer."""


class ChunkReader:
    """Reads chunks until it is stopped.

    ``hand_over`` passes a chunk on to the stages, from this thread. ``chunk`` is the one in flight; ``polls``
    counts the polls, so that an observer sees the thread live. ``positions``, ``phases`` (see `Assignment`),
    ``taken_at`` (timestamps of records just taken), ``member_id``, the group's name for this consumer, and what it
    hears (``hearing``) are those of about a second ago: they are noted here because a consumer that is asked by one
    thread while another polls it locks up the whole process.
    """

    def __init__(
        self,
        consumer: Consumer,
        assignment: Assignment,
        store: Store,
        chunk_max: int,
        metrics: Metrics,
        hand_over: Callable[[InputChunk], None],
    ) -> None:
        self.chunk: InputChunk | None = None
        self.polls = 0
        self.positions: dict[BrokerLog, int] = {}
        self.phases: dict[str, int] = {}
        self.taken_at: dict[BrokerLog, Instant] = {}
        self.member_id = ""
        self.hearing = Hearing()
        self._noted_at = 0.0
        self._consumer = consumer
        self._assignment = assignment
        self._store = store
        self._chunk_max = chunk_max
        self._metrics = metrics
        self._hand_over = hand_over
        self._is_stopping = False
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> asyncio.Future[None]:
        """Join the group and read. The future is done when the thread has left the group, with what ended it."""
        self._thread.start()
        return self._ended

    def stop(self) -> None:
        """Read no more, and leave the group once the chunk in flight is done."""
        self._is_stopping = True

    def abandon(self) -> None:
        """Do not wait for the chunk in flight either, and leave the group to notice by itself."""
        if (chunk := self.chunk) is not None:
            chunk.done.put(StoppedError())

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            self._assignment.subscribe()
            while not self._is_stopping:
                self._turn()
        except StoppedError:
            # The transactions' thread may be about to ask the consumer something, so it is not touched any more.
            self._loop.call_soon_threadsafe(self._end, None)
            return
        except Exception as error:  # noqa: BLE001  # raised where the end is awaited
            failure = error
        try:
            self._consumer.close()
        finally:
            self._loop.call_soon_threadsafe(self._end, failure)

    def _end(self, failure: Exception | None) -> None:
        if failure is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(failure)

    def _turn(self) -> None:
        self._assignment.settle()
        is_noting = time.monotonic() - self._noted_at >= _NOTE_SECONDS
        if is_noting:
            self._noted_at = time.monotonic()
            self.positions = self._assignment.note_positions()  # before the poll: what a hanging chunk took still lags
            self.phases = self._assignment.phases()
        messages = self._assignment.accept(self._poll())
        self.polls += 1
        if is_noting:
            taken = {BrokerLog((message.topic(), message.partition())): message.timestamp()[1] for message in messages}
            self.taken_at = self.taken_at | taken
            self.member_id = self._consumer.memberid()
            self.hearing.ask(self._consumer)
        caught_up = self._assignment.caught_up()
        if messages or caught_up or self._store.seconds_to_wake(_IDLE_SECONDS) == 0:
            self._through(InputChunk(messages, caught_up))

    def _poll(self) -> list[Message]:
        """Wait for a record or the next deadline; return all records that have arrived."""
        first = self._consumer.poll(self._store.seconds_to_wake(_IDLE_SECONDS))
        if first is None:
            return []
        if first.error() is None:
            self.hearing.note(is_answered=True)
        messages = [first, *self._consumer.consume(self._chunk_max - 1, 0)] if self._chunk_max > 1 else [first]
        taken: list[Message] = []
        for message in messages:
            error = message.error()
            if error is None:
                taken.append(cast("Message", message))
                continue
            event = cast("Message", message)
            is_at_work = event.partition() in self._store.partitions and not self._assignment.is_before_first(event)
            if error.fatal() or (error.code() in _ENDING and is_at_work):
                raise KafkaException(error)
            self._metrics.kafka_errors.labels(error.name()).inc()
            _log.warning("the consumer reports an error", error=error.name())
        return taken

    def _through(self, chunk: InputChunk) -> None:
        """Hand a chunk over, and wait for its end."""
        self.chunk = chunk
        self._hand_over(chunk)
        rewind = chunk.done.get()
        self.chunk = None
        if isinstance(rewind, Exception):
            raise rewind
        for number, unusable in rewind.items():
            self._assignment.rewind(number, unusable)
