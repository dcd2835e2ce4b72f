"""Erasures of personal data, kept on a compacted topic of the ledger.

A sink reads the topic from its beginning before any other, so a ledger that is recreated from the topics does not bring
back what was erased. A record is JSON: ``site_id`` and ``contact_id`` (one of them may be empty: any),
``erased_at`` (RFC 3339), ``ends``. Its key is both ids, so the last erasure of each stays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, Producer, TopicPartition
from psycopg.types.json import Jsonb

from schemas.contract.topics import Topic
from service.hearing import Hearing
from service.pauses import KAFKA_SECONDS
from service.silence import silent
from sinks import topic_admin
from sinks.database.postgres import Connection, away
from sinks.database.sql import query
from sinks.errors import Away
from sinks.kafka import client_positions, kafka_away
from sinks.rows.feeds import FEED_OF

if TYPE_CHECKING:
    from sinks.rows.chunk import Log
    from sinks.settings import Configuration

TOPIC: Final = Topic("erasures", "own", None, "compact")
_ANSWER_SECONDS: Final = 10.0
_NEWS_SECONDS: Final = 60.0
_LONGEST_ID: Final = 1000  # bytes; an index of PostgreSQL takes hardly more, and an input's ids have 128 at most
_OFFSETS: Final = range(2**63)

Ends: TypeAlias = Mapping[str, Sequence[int]]
"""By topic, without prefix: the offset that the next record of each partition, in turn, will have."""


class Erasure(NamedTuple):
    """Everything personal of a site (``contact_id`` empty), a contact (``site_id`` empty), or a contact of a site.

    It holds for records up to ``erased_at``, and for those before ``ends``: Kafka had them by then, even if their
    sender's clock was ahead of that of the machine that erases.
    """

    site_id: str
    contact_id: str
    erased_at: datetime
    ends: Ends = MappingProxyType({})

    def key(self) -> bytes:
        """The record's key."""
        return json.dumps([self.site_id, self.contact_id]).encode()

    def value(self) -> bytes:
        """The record's value."""
        fields = {**self._asdict(), "erased_at": self.erased_at.isoformat(), "ends": dict(self.ends)}
        return json.dumps(fields).encode()


def parse(value: bytes) -> Erasure:
    """The erasure of a record's value. Raises `ValueError` when the value is none."""
    try:
        fields = json.loads(value)
    except RecursionError:
        raise ValueError("nested too deep") from None
    fields = fields if isinstance(fields, dict) else {}
    texts, ends = [fields.get(name, "") for name in ("site_id", "contact_id", "erased_at")], fields.get("ends", {})
    if not (all(isinstance(text, str) and "\0" not in text for text in texts) and _are_ends(ends)):
        raise ValueError("not the fields of an erasure")
    site_id, contact_id, erased_at = texts
    # Half a character, which JSON may hold, raises here too.
    if len(site_id.encode()) > _LONGEST_ID or len(contact_id.encode()) > _LONGEST_ID:
        raise ValueError("an id that is too long")
    if not site_id + contact_id:
        raise ValueError("neither a site nor a contact")
    at = datetime.fromisoformat(erased_at)
    ends = {topic: offsets for topic, offsets in ends.items() if topic in FEED_OF}
    return Erasure(site_id, contact_id, at if at.tzinfo else at.replace(tzinfo=UTC), ends)


def _are_ends(given: Any) -> bool:
    return isinstance(given, dict) and all(
        isinstance(offsets, list) and all(type(offset) is int and offset in _OFFSETS for offset in offsets)
        for offsets in given.values()
    )


def carry_out(connection: Connection, erasure: Erasure) -> int | None:
    """Remove what is in the ledger, and what may still come. Raises `Away`.

    Return how many records held something personal; None when it was carried out before.
    """
    with away():
        row = connection.execute(query("erase"), (*erasure[:3], Jsonb(dict(erasure.ends)))).fetchone()
    assert row is not None
    records: int | None = row[0]
    return records


def create_topic(configuration: Configuration) -> None:
    """Create the topic where it is missing. Raises `Away`, and `SinkError` when the broker refuses to.

    A broker may show a topic a moment after it was made; that is waited for.
    """
    name = configuration.topic(TOPIC.name)
    with closing(Consumer(configuration.reader("read_committed"), logger=silent(__name__))) as consumer, kafka_away():
        if name in consumer.list_topics(timeout=_ANSWER_SECONDS).topics:
            return
        topic_admin.create_topic(configuration, name, TOPIC.configuration())
        give_up = time.monotonic() + _ANSWER_SECONDS
        while name not in consumer.list_topics(timeout=_ANSWER_SECONDS).topics and time.monotonic() < give_up:
            time.sleep(KAFKA_SECONDS)


def ends_now(configuration: Configuration) -> Ends:
    """Where the logs end that the ledger is fed with, open transactions included. Raises `Away`."""
    with closing(Consumer(configuration.reader("read_uncommitted"), logger=silent(__name__))) as consumer, kafka_away():
        known = consumer.list_topics(timeout=_ANSWER_SECONDS).topics
        counts = {topic: len(known[topic].partitions) for topic in configuration.fed if topic in known}
        logs = [TopicPartition(topic, at, OFFSET_END) for topic, count in counts.items() for at in range(count)]
        found = consumer.offsets_for_times(logs, _ANSWER_SECONDS) if logs else []
    if failed := [log.error for log in found if log.error is not None]:
        raise Away("kafka", f"Kafka does not say where its topics end: {failed[0].str()}")
    ends = {(log.topic, log.partition): log.offset for log in found}
    return {configuration.fed[topic]: [ends[topic, at] for at in range(count)] for topic, count in counts.items()}


def send(configuration: Configuration, producer: Mapping[str, Any], erasure: Erasure) -> None:
    """Send an erasure to the topic, and wait until the broker has it. Raises `Away`."""
    failed: list[KafkaError] = []
    client = Producer({**producer, "enable.idempotence": True, "message.timeout.ms": 20_000}, logger=silent(__name__))
    client.produce(
        configuration.topic(TOPIC.name),
        erasure.value(),
        erasure.key(),
        on_delivery=lambda error, _: failed.append(error) if error is not None else None,
    )
    client.flush()
    if failed:
        raise Away("kafka", f"Kafka does not take the erasure: {failed[0].str()}")


class ErasureLog:
    """The topic, read from its beginning on."""

    def __init__(self, configuration: Configuration) -> None:
        self._topic = configuration.topic(TOPIC.name)
        self.hearing = Hearing()
        self._consumer = Consumer(configuration.reader("read_committed"), logger=silent(__name__))
        self._firsts: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def begin(self, *, may_be_missing: bool = False) -> None:
        """Begin at the first record, and note where the topic ends. Raises `Away`.

        ``may_be_missing``: where Kafka has no such topic yet, nothing was erased; a sink has made it before it asks.
        """
        with kafka_away():
            topic = self._consumer.list_topics(self._topic, _ANSWER_SECONDS).topics[self._topic]
            is_missing = topic.error is not None and topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            # With an error it has no partitions here, as if nothing were erased.
            if topic.error is not None and not (is_missing and may_be_missing):
                raise Away("kafka", f"Kafka does not show the topic {self._topic}: {topic.error.str()}")
            logs = [TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in topic.partitions]
            for log in logs:
                low, high = self._consumer.get_watermark_offsets(log, _ANSWER_SECONDS)
                self._firsts[log.partition] = low
                if low < high:
                    self._ends[log.partition] = high
            self._consumer.assign(logs)

    def rest(self) -> Iterator[bytes]:
        """The values up to the end that `begin` noted. Raises `Away` when none comes any more."""
        give_up = time.monotonic() + _NEWS_SECONDS
        while self._ends:
            for value in self.news(0.1):
                yield value
                give_up = time.monotonic() + _NEWS_SECONDS  # however long it takes to carry out all of them
            at = client_positions(self._consumer, [(self._topic, number) for number in self._ends])
            for (_, number), offset in at.items():
                if offset >= self._ends[number]:
                    del self._ends[number]
            if time.monotonic() > give_up:
                raise Away("kafka", f"the topic {self._topic} could not be read to its end")

    def news(self, seconds: float = 0.0) -> Iterator[bytes]:
        """The values that have arrived; wait for the first of them for so long."""
        for message in self._consumer.consume(1000, seconds):
            value = message.value()
            if message.error() is None and value is not None:
                yield value

    def positions(self) -> dict[Log, int]:
        """The offset that each log is read at next."""
        at = client_positions(self._consumer, [(self._topic, number) for number in self._firsts])
        return {log: max(offset, self._firsts[log[1]]) for log, offset in at.items()}

    def listen(self, seconds: float) -> None:
        """Find out from time to time whether the consumer is answered in time; its ``hearing`` says so."""
        self.hearing.ask(self._consumer, seconds)

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
