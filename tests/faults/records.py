"""Raw records of the topics, and their values as plain dicts.

Read and written by fastavro alone, from the schemas as files: nothing here is the worker's own code, which it
is to be judged by.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

import fastavro

from schemas import load
from schemas.avro.canonical import without_logical_types
from schemas.avro.framing import CONFLUENT_SIZE, SINGLE_OBJECT_SIZE, single_object
from schemas.contract.topics import INPUT_TOPICS, TOPICS

Value: TypeAlias = dict[str, Any]  # a value of contracts.md, field by field
Place: TypeAlias = tuple[str, int, int]  # topic without prefix, partition, offset

EVENT_TOPICS: Final = tuple(topic for topic in INPUT_TOPICS if topic != "sites")
# Each names its records by an id of its own, and a decision names each of them by it.
NAMED_TOPICS: Final[Mapping[str, str]] = {
    "calls": "command_id",
    "dispatches": "command_id",
    "attention": "attention_id",
}
# What an output says its time is.
TIMES: Final[Mapping[str, str]] = {
    "calls": "issued_at",
    "dispatches": "issued_at",
    "attention": "raised_at",
    "decisions": "at",
    "readiness": "at",
    "quarantine": "at",
}


class Raw(NamedTuple):
    """A record as Kafka has it; ``topic`` without prefix, ``timestamp`` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def place(self) -> Place:
        """Where it lies."""
        return self.topic, self.partition, self.offset


@dataclass(slots=True)
class Topics:
    """All records of a run by topic (without prefix); of each partition in the order of their offsets."""

    records: dict[str, list[Raw]] = field(default_factory=lambda: {topic: [] for topic in TOPICS})

    def add(self, raw: Raw) -> None:
        """The next record of its partition."""
        self.records[raw.topic].append(raw)

    def of(self, topic: str) -> list[Raw]:
        """A topic's records."""
        return self.records[topic]

    def inputs(self) -> Iterator[Raw]:
        """Everything that must come to an end."""
        for topic in EVENT_TOPICS:
            yield from self.records[topic]


class Sent(NamedTuple):
    """One acknowledged send of a generator: where the broker has it, what it is called there.

    ``end`` is the dead letter's reason it was made for; None: it is a good record.
    """

    place: Place
    id: str
    end: str | None = None


def decode(topic: str, data: bytes) -> Value:
    """A value of a topic as a dict. Raises what fastavro raises for bytes that are none."""
    at = CONFLUENT_SIZE if data[:1] == b"\0" else SINGLE_OBJECT_SIZE
    value: Value = fastavro.schemaless_reader(io.BytesIO(data[at:]), _schema(topic), None)  # type: ignore[assignment]
    return value


def encode(topic: str, value: Mapping[str, Any], header: bytes | None = None) -> bytes:
    """A dict as a value of a topic, under ``header`` (None: single-object encoding of today's schema)."""
    out = io.BytesIO()
    out.write(_header(topic) if header is None else header)
    fastavro.schemaless_writer(out, _schema(topic), value)
    return out.getvalue()


def header_of(data: bytes) -> bytes:
    """What stands before the value and says who wrote it."""
    return data[: CONFLUENT_SIZE if data[:1] == b"\0" else SINGLE_OBJECT_SIZE]


def id_of(topic: str, value: Value) -> str:
    """What a record of a topic is called."""
    return str(value[_ID_FIELDS[topic]])


_ID_FIELDS: Final = {
    "sites": "site_id",
    "alerts": "alert_id",
    "call-results": "result_id",
    "dispatch-reports": "report_id",
    "operator-actions": "action_id",
    "decisions": "decision_id",
    **NAMED_TOPICS,
}


@cache
def _schema(topic: str) -> Any:
    name = TOPICS[topic].schema
    assert name is not None, f"{topic} carries no schema"
    return fastavro.parse_schema(without_logical_types(load(name)))


@cache
def _header(topic: str) -> bytes:
    name = TOPICS[topic].schema
    assert name is not None, f"{topic} carries no schema"
    return single_object(load(name))
