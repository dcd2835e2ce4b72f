"""Compare a record of the log with the core's value: the same bytes, or the fields that differ.

It compares the bytes behind the header: whether a schema registry framed a record does not concern the decision. If an
older release wrote it, by an older schema, it compares the fields as read today.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from schemas.avro.errors import Undecodable
from schemas.avro.framing import CONFLUENT, SINGLE_OBJECT_SIZE
from streams.escalation.names import OutputTopic
from streams.escalation.values import Instant, OutputValue
from streams.formats.topic_values import TopicValues, payload, shipped
from streams.kafka.reading import LogRecord

What: TypeAlias = Literal[
    "FIELD",  # a field differs
    "BYTES",  # every field is the same, the bytes are not
    "KEY",  # the record's key is not its site
    "TIMESTAMP",  # the record's timestamp is not its time
    "UNDECODABLE",  # the log's record does not decode
    "MISSING",  # the core gives a record that the log lacks
    "UNEXPECTED",  # the log has a record that the core does not give
    "TWICE",  # the log has it twice, or an input was handled twice
    "OUT_OF_ORDER",  # records of one topic are in another order than their decisions
    "NO_INPUT",  # the input named is not in its topic
    "REFUSED",  # the input named should be a dead letter
    "NO_SITE_RECORD",  # the site record named cannot be in force
    "REPLACED",  # the site record named had been replaced before
    "NOT_ARMED",  # a deadline fired that no incident had armed
    "EARLY",  # a deadline fired before its time
    "BACK_IN_TIME",  # a decision was made before the one before it
    "RAISED",  # the core raises
]


class Difference(NamedTuple):
    """One thing that differs, and where.

    ``recorded`` and ``replayed`` are the log's and the core's values of ``field``. Of FIELD it is a path in the value,
    which may be personal data; of others a word for what the two are.
    """

    what: What
    site_id: str
    decision_id: str | None  # of the log; None if no decision belongs to it
    topic: str  # without prefix, of the record that differs or is missing
    partition: int
    offset: int | None  # None: the log has no such record
    record_id: str  # of the decision, command or attention; of a quarantined alert, its id
    field: str | None = None
    recorded: object = None
    replayed: object = None

    @property
    def place(self) -> tuple[str, int, int | None, str]:
        """The record that differs or is missing: topic, partition, offset, record_id."""
        return self.topic, self.partition, self.offset, self.record_id


class Mismatch(NamedTuple):
    """What differs in one record."""

    what: What
    field: str | None = None
    recorded: object = None
    replayed: object = None


class Comparison:
    """Compares records of output topics."""

    def __init__(self, recorded: TopicValues) -> None:
        self._recorded = recorded
        self._encoders = shipped().encoders

    def mismatches(self, record: LogRecord, topic: OutputTopic, value: OutputValue, now: Instant) -> list[Mismatch]:
        """Return the differences between a record and the core's value of ``topic`` at ``now``."""
        assert record.value is not None, "only readiness has tombstones, and nothing names those"
        found: list[Mismatch] = []
        encoded = self._encoders[topic](value)
        if payload(record.value) != payload(encoded):
            found += self._differing(record.value, encoded, topic, value)
        if record.key != value.site_id.encode():
            found.append(Mismatch("KEY"))
        if record.timestamp != now:
            found.append(Mismatch("TIMESTAMP", "timestamp", record.timestamp, now))
        return found

    def _differing(self, data: bytes, encoded: bytes, topic: OutputTopic, value: OutputValue) -> Iterator[Mismatch]:
        try:
            read = self._recorded.value(topic, data)
        except Undecodable:
            yield Mismatch("UNDECODABLE")
            return
        fields = list(_fields("", read, value))
        yield from fields
        is_older = data[:1] == CONFLUENT or data[:SINGLE_OBJECT_SIZE] != encoded[:SINGLE_OBJECT_SIZE]
        if not fields and not is_older:
            yield Mismatch("BYTES")


def _fields(path: str, recorded: Any, replayed: Any) -> Iterator[Mismatch]:
    """The fields in which two values differ, by their path."""
    if recorded == replayed:
        return
    names = getattr(recorded, "_fields", None)
    if names is not None and names == getattr(replayed, "_fields", None):
        for name, one, other in zip(names, recorded, replayed, strict=True):
            yield from _fields(f"{path}.{name}" if path else name, one, other)
    else:
        yield Mismatch("FIELD", path, recorded, replayed)
