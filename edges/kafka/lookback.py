"""Where a reader of incidents begins: a day before a partition's last decision, and each open incident at version 1.

`decisions` is read backwards, in steps that double, until no incident is open whose beginning was not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from edges.kafka import clients
from edges.kafka.layout import Layout, offsets
from edges.values import Decision
from schemas.avro.errors import Undecodable

if TYPE_CHECKING:
    from edges.settings import Connection

DAY_MS: Final = 24 * 3600 * 1000
SKEW_MS: Final = 10 * 60 * 1000  # so far a sender's clock may be behind the engine's
_ASK_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.5
_AT_ONCE: Final = 5000
_LONGEST_STEP_BACK: Final = 100_000  # markers of transactions at the end of a log


class Openings:
    """Which incidents of a partition are open, and from which version on they are known."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[int, int]] = {}  # the first version that was seen, and its time
        self._closed: set[str] = set()

    def add(self, decision: Decision) -> None:
        """Take a decision, in any order."""
        incident = decision.incident_id
        if incident is None:
            return
        known = self._first.get(incident)
        if known is None or decision.version < known[0]:
            self._first[incident] = (decision.version, decision.at)
        if decision.phase_to == "CLOSED":
            self._closed.add(incident)

    @property
    def is_whole(self) -> bool:
        """Whether every open incident is known from its beginning."""
        return all(version == 1 for incident, (version, _) in self._first.items() if incident not in self._closed)

    def begins(self, at: int) -> int:
        """When to begin: at ``at``, or with the earliest of the open incidents."""
        return min((began for incident, (_, began) in self._first.items() if incident not in self._closed), default=at)


def starts(
    connection: Connection,
    topics: Iterable[str],
    decode: Callable[[bytes], Any],
    lookback_ms: int = DAY_MS,
    at_latest: Mapping[str, int] = MappingProxyType({}),
    partitions: Iterable[int] | None = None,
) -> dict[str, dict[int, int]]:
    """Return the offset to begin at, of each topic and partition. Raises `KafkaException`, `TopicsDifferError`.

    ``at_latest``: topics that are read from this time on, or from an earlier one as the others are.
    ``partitions``: by default all.
    """
    topics = tuple(topics)
    partitions = tuple(range(connection.partitions) if partitions is None else partitions)
    consumer = clients.reader(connection)
    try:
        Layout(connection, topics).leaders(consumer, _ASK_SECONDS)
        times = {partition: _begin(consumer, connection, partition, decode, lookback_ms) for partition in partitions}
        found: dict[str, dict[int, int]] = {topic: {} for topic in topics}
        logs = [(topic, partition) for topic in topics for partition in partitions]
        ends = offsets(consumer, connection, logs, OFFSET_END, _ASK_SECONDS)
        for partition, at in times.items():
            of_partition = [log for log in logs if log[1] == partition]
            since = at - SKEW_MS if at is not None else 0
            firsts = offsets(consumer, connection, of_partition, max(since, 0), _ASK_SECONDS)
            for topic, latest in at_latest.items():
                if latest < since:
                    firsts |= offsets(consumer, connection, [(topic, partition)], latest, _ASK_SECONDS)
            for log, first in firsts.items():
                found[log[0]][partition] = ends[log] if first < 0 else first
        return found
    finally:
        consumer.close()


def _begin(
    consumer: Consumer, connection: Connection, partition: int, decode: Callable[[bytes], Any], lookback_ms: int
) -> int | None:
    """The time to read a partition from; None: from its beginning, as there are few decisions or none."""
    name = connection.topic("decisions")
    low, end = consumer.get_watermark_offsets(TopicPartition(name, partition), _ASK_SECONDS)
    last = _last_time(consumer, name, partition, low, end)
    if last is None:
        return None
    openings, scanned, step = Openings(), end, lookback_ms
    while True:
        at = last - step
        first = offsets(consumer, connection, [("decisions", partition)], max(at, 0), _ASK_SECONDS)[
            "decisions", partition
        ]
        first = scanned if first < 0 else max(first, low)
        for _, value in _read(consumer, name, partition, first, scanned):
            try:
                openings.add(decode(value))
            except Undecodable:
                continue
        scanned = min(scanned, first)
        if openings.is_whole or scanned <= low:
            return min(last - lookback_ms, openings.begins(last))
        step *= 2


def _last_time(consumer: Consumer, name: str, partition: int, low: int, end: int) -> int | None:
    """The timestamp of the last record, behind which there may be markers of transactions; None: there is none."""
    step = 8
    while end > low:
        first = max(low, end - step)
        times = [time for time, _ in _read(consumer, name, partition, first, end)]
        if times:
            return max(times)
        if first == low or step > _LONGEST_STEP_BACK:
            return None
        step *= 8
    return None


def _read(consumer: Consumer, name: str, partition: int, first: int, end: int) -> Iterable[tuple[int, bytes]]:
    """The records from an offset up to another: timestamp, value."""
    if first >= end:
        return
    consumer.assign([TopicPartition(name, partition, first)])
    silent = 0.0
    while True:
        messages = consumer.consume(_AT_ONCE, _POLL_SECONDS)
        silent = 0.0 if messages else silent + _POLL_SECONDS
        if silent > _ASK_SECONDS:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's own codes begin so
        for message in messages:
            error, offset, value = message.error(), message.offset(), message.value()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - as above
                    return
                raise KafkaException(error)
            if offset is None or offset >= end:
                return
            if value is not None:
                yield message.timestamp()[1], value
            if offset == end - 1:
                return
