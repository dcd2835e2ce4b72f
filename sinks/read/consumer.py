"""The consumer of the group: the partitions that this sink holds, and their records.

A partition is claimed in the ledger when the group assigns it, and at no other time: a sink that only believes that it
holds a partition cannot take it from the sink that does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.contract.topics import RECEIVED_BYTES, TOPICS
from service.hearing import Hearing
from service.logs import logger
from sinks.errors import Away, SinkError
from sinks.kafka import client_positions, kafka_away
from sinks.read.standstill import StuckLogs
from sinks.topic_admin import topic_ids

if TYPE_CHECKING:
    from confluent_kafka import Message

    from sinks.observe.metrics import SinkMetrics
    from sinks.observe.readiness import SinkReadiness
    from sinks.read.lag import Lag
    from sinks.read.offsets import Offsets
    from sinks.rows.chunk import Log
    from sinks.settings import Configuration
    from sinks.write.ledger import Ledger
    from sinks.write.writer import Writer

_log = logger(__name__)

_ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 10.0  # between two looks for missing topics
_MOVE_ON_SECONDS: Final = 60.0  # between two moves of the ledger's positions past what has no record
_MANY: Final = 10_000  # records at once, behind which others may wait in the client: its memory may not hold more
_IDLE_SECONDS: Final = 0.25  # the longest wait for records, after which the sink looks whether to end
# `[kafka]` in the settings may replace these: they change the speed, not the result.
_SPEED: Final[dict[str, Any]] = {
    "queued.min.messages": 50_000,
    "fetch.wait.max.ms": 100,
    "receive.message.max.bytes": RECEIVED_BYTES,
}


class LedgerConsumer:
    """Reads the assigned partitions from the offsets of the ledger. Every method raises `Away` when Kafka is away.

    Creating it raises `SinkError` when librdkafka refuses the settings. ``stuck_logs``: what it reads no further.
    """

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        writer: Writer,
        offsets: Offsets,
        lag: Lag,
        readiness: SinkReadiness,
        metrics: SinkMetrics,
    ) -> None:
        self._configuration = configuration
        self._topics = configuration.fed
        self._ledger = ledger
        self._writer = writer
        self._offsets = offsets
        self._lag = lag
        self._readiness = readiness
        self._metrics = metrics
        self._chunk_max = configuration.sink.chunk_max
        self._is_incremental = configuration.sink.group_protocol == "consumer"
        self._positions: dict[Log, int] = {}
        self._former_positions: dict[Log, int] = {}  # of an assignment that is over; the client may still tell them
        self._changed = False
        self._failure: Exception | None = None
        self._missing: frozenset[str] = frozenset()
        self._looked = 0.0
        self._moved_on = time.monotonic()
        self.hearing = Hearing()
        try:
            self._consumer = Consumer(_properties(configuration, metrics), logger=logging.getLogger("librdkafka"))
        except KafkaException as error:
            refused = error.args[0].str()
            raise SinkError(f"there is no consumer with these settings: {refused}. Correct them") from error
        self.stuck_logs = StuckLogs(self._consumer, lag)

    def subscribe(self) -> None:
        """Join the group, for the topics that exist. Raises `SinkError` when one of the engine is missing.

        An upgraded sink starts before the topics of the edges are made; `look_for_topics` finds them later.
        """
        existing = self._existing_topics(_ANSWER_SECONDS)
        missing = sorted(self._topics.keys() - existing)
        if required := [topic for topic in missing if TOPICS[self._topics[topic]].way != "edge"]:
            raise SinkError(f"there is no topic {', '.join(required)}: make them with `ronde topics create`")
        if missing:
            _log.warning("topics are missing: make them with `ronde topics create`", topics=missing)
        self._missing = frozenset(missing)
        self._looked = time.monotonic()
        self._consumer.subscribe(
            sorted(existing & self._topics.keys()),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def look_for_topics(self) -> None:
        """Subscribe again once a topic exists that was missing; to be called from time to time."""
        if not self._missing or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        with suppress(Away):
            if self._missing & self._existing_topics(_IDLE_SECONDS):
                self.subscribe()

    def _existing_topics(self, seconds: float) -> set[str]:
        """The topics that the broker shows to this sink."""
        with kafka_away():
            return set(self._consumer.list_topics(timeout=seconds).topics)

    def poll(self) -> list[Message]:
        """The records that have arrived; waits a moment for the first."""
        first = self._consumer.poll(_IDLE_SECONDS)
        rest = self._consumer.consume(self._chunk_max - 1, 0) if first is not None and self._chunk_max > 1 else []
        if self._failure is not None:
            raise self._failure
        taken = (first, *rest) if first is not None else ()
        if len(taken) >= min(self._chunk_max, _MANY):
            self.stuck_logs.note_full_poll()
        messages = []
        for message in taken:
            if (error := message.error()) is None:
                messages.append(message)
            else:
                self._report(message, error)
        if messages:
            self.hearing.note(is_answered=True)
        return self._still_ours(messages)

    def listen(self, seconds: float) -> None:
        """Find out from time to time whether the consumer is answered in time; its ``hearing`` says so."""
        self.hearing.ask(self._consumer, seconds)

    def written(self, next_offsets: dict[Log, int], newest: dict[Log, int]) -> None:
        """Note that the ledger has all before ``next_offsets``; ``newest``: the timestamp of each log's last record."""
        self._positions |= next_offsets
        self._lag.reach(next_offsets, newest)

    def note_positions(self) -> None:
        """Note the positions of the consumer, once the writer is settled: then the ledger has all that was read.

        The ledger follows from time to time. It would else stay before the marker that ends a quiet log, and what
        Kafka removes there by its age would look like a record that the ledger lacks.
        """
        if not self._positions:
            return
        # Beyond the last record, where a log ends with the marker of a transaction, which no consumer returns.
        positions = client_positions(self._consumer, self._positions)
        reached = {log: max(at, 0) for log, at in positions.items() if at != self._former_positions.get(log)}
        self._lag.reach(reached)
        if time.monotonic() - self._moved_on > _MOVE_ON_SECONDS:
            self._moved_on = time.monotonic()
            self._ledger.move_on(reached)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    # --- assignments -------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, logs: list[TopicPartition]) -> None:
        self._metrics.rebalances.labels("assigned").inc()
        self._changed = True
        try:
            self._writer.settle()
            claimed = self._claim([(log.topic, log.partition) for log in logs]) if logs else {}
        except Exception as error:  # noqa: BLE001  # `poll`, which calls this, raises it
            self._failure = error
            claimed = {}
        else:
            self._readiness.arrive("group")
        for log in logs:
            # Without a claim, read nothing.
            log.offset = claimed[log.topic, log.partition] if claimed else OFFSET_END
        if self._is_incremental:
            consumer.incremental_assign(logs)
        else:
            consumer.assign(logs)
        if claimed:
            self._former_positions |= client_positions(consumer, claimed)
        self._positions |= claimed
        self._lag.reach(claimed)
        if logs:
            _log.info("partitions assigned", partitions=sorted({log.partition for log in logs}), logs=len(logs))

    def _on_revoke(self, _consumer: Consumer, logs: list[TopicPartition]) -> None:
        self._metrics.rebalances.labels("revoked").inc()
        self._drop(logs)

    def _on_lost(self, _consumer: Consumer, logs: list[TopicPartition]) -> None:
        self._metrics.rebalances.labels("lost").inc()
        self._readiness.wait("group", "the group went on without this sink; it joins again")
        self._drop(logs)

    def _drop(self, logs: Iterable[TopicPartition]) -> None:
        self._changed = True
        try:
            self._writer.settle()
        except Exception as error:  # noqa: BLE001  # as above
            self._failure = error
        given_up = [(log.topic, log.partition) for log in logs]
        self._ledger.release(given_up)
        for log in given_up:
            self._positions.pop(log, None)
        self._lag.forget(given_up)
        _log.info("partitions given up", partitions=sorted({number for _, number in given_up}), logs=len(given_up))

    def _claim(self, logs: list[Log]) -> dict[Log, int]:
        # Ask each time: a topic that was created again while this sink runs is assigned to it too.
        ids = topic_ids(self._configuration, {topic for topic, _ in logs})
        firsts = self._offsets.firsts(logs, _ANSWER_SECONDS)
        claimed = self._ledger.claim(logs, ids, firsts)
        # Asked once nobody else moves the positions.
        self._refuse_shorter(claimed, self._offsets.ends(logs, _ANSWER_SECONDS))
        return self._without_what_is_gone(claimed, firsts)

    def _refuse_shorter(self, claimed: dict[Log, int], ends: dict[Log, int]) -> None:
        """Raise `SinkError` for a log that ends before the ledger's position; one without an answer may be."""
        for (topic, partition), position in claimed.items():
            end = ends.get((topic, partition), position)
            if position > end:
                raise SinkError(
                    f"{topic}, partition {partition}: the ledger is at offset {position}, the topic ends at {end}: "
                    "it is not the topic that this ledger was made from. Give the new one a database of its own"
                )

    def _without_what_is_gone(self, claimed: dict[Log, int], firsts: dict[Log, int]) -> dict[Log, int]:
        """Where to go on: as claimed, or where the log begins now; it is counted once the ledger has moved there.

        Of a log without an answer, the client says when there is nothing where it is to go on (`_report`).
        """
        gone: dict[Log, int] = {}
        for (topic, partition), position in claimed.items():
            first = firsts.get((topic, partition), position)
            if position < first:
                gone[topic, partition] = first
                _log.error(
                    "records are gone that were never in the ledger",
                    topic=topic,
                    partition=partition,
                    first=position,
                    next=first,
                )
        self._ledger.move_on(gone)
        for (topic, partition), first in gone.items():  # once no other assignment finds them
            self._metrics.missed.labels(self._topics[topic]).inc(first - claimed[topic, partition])
        return claimed | gone

    # --- records -------------------------------------------------------------------------------

    def _still_ours(self, messages: list[Message]) -> list[Message]:
        """The messages without those of an assignment that ended during this poll."""
        if not self._changed:
            return messages
        self._changed = False
        beyond = float("inf")
        kept = []
        for message in messages:
            log = cast("Log", (message.topic(), message.partition()))
            if cast("int", message.offset()) >= self._positions.get(log, beyond):
                kept.append(message)
        return kept

    def _report(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  # named so in the library
            # The next assignment begins where the topic does.
            raise Away("kafka", f"{message.topic()}, partition {message.partition()}: what was to be read next is gone")
        if error.fatal():
            raise Away("kafka", f"the consumer cannot go on: {error.name()}")
        _log.warning("the consumer reports an error", error=error.name())


def _properties(configuration: Configuration, metrics: SinkMetrics) -> dict[str, Any]:
    """The properties of the consumer. The ledger has the positions; the client must never choose where to begin."""
    sink = configuration.sink
    if sink.group_protocol == "consumer":
        # Range gives the same partition of all topics to one sink; the broker decides when a member counts as dead.
        group: dict[str, Any] = {"group.protocol": "consumer", "group.remote.assignor": "range"}
    else:
        group = {
            "partition.assignment.strategy": "range",
            "session.timeout.ms": sink.session_timeout_ms,
            "heartbeat.interval.ms": max(sink.session_timeout_ms // 6, 100),
        }

    def report(error: KafkaError) -> None:
        metrics.failures.labels("kafka").inc()
        _log.warning("a Kafka client reports an error", error=error.name())

    return {
        **_SPEED,
        **configuration.consumer,
        **group,
        "group.id": sink.group,
        "client.id": sink.id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "error_cb": report,
    }
