"""What a test of the worker needs around it: worker processes, and hands on the topics.

Nothing here is the product's but the schemas: what the worker does is read off the broker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from schemas.avro.records import decode, encode
from schemas.contract.murmur2 import partition
from schemas.contract.topics import OUTPUT_TOPICS, TOPICS
from streams.settings import Settings
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import PATIENCE, eventually

Headers: TypeAlias = list[tuple[str, str | bytes | None]]

PHONES: Final = ("+33600000001", "+33600000002", "+33600000003")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Seen(NamedTuple):
    """A record as a reader of the topics sees it."""

    topic: str  # without prefix
    partition: int
    offset: int
    timestamp: int
    key: str
    value: dict[str, Any] | None
    headers: dict[str, str]


class World:
    """The topics of one test: writes inputs as their producers do, reads outputs as their readers do."""

    def __init__(self, settings: Settings, log: logging.Logger) -> None:
        self.settings = settings
        self._producer = Producer(
            {**settings.client("producer"), "partitioner": "murmur2_random", "linger.ms": 1, "acks": "all"},
            logger=log,
        )
        self._admin = AdminClient(settings.client("admin"), logger=log)
        self._consumer = Consumer(
            {
                **settings.client("consumer"),
                "group.id": "test",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
            },
            logger=log,
        )
        self._names = {settings.topic(topic): topic for topic in OUTPUT_TOPICS}
        partitions = range(settings.topics.partitions)
        self._consumer.assign(
            [TopicPartition(name, number, OFFSET_BEGINNING) for name in self._names for number in partitions]
        )
        self._seen: list[Seen] = []

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def home(self, site_id: str) -> int:
        """The partition that a site belongs to."""
        return partition(site_id.encode(), self.settings.topics.partitions)

    def site_in(self, number: int, name: str = "site") -> str:
        """A site id whose partition is ``number``."""
        return next(f"{name}-{n}" for n in range(1000) if self.home(f"{name}-{n}") == number)

    def put(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | str,
        number: int = -1,
        headers: Headers | None = None,
        at: int = 0,
    ) -> tuple[int, int]:
        """Write bytes, by their sender's clock at an instant (0: now), and wait until they are there; where."""
        where: list[tuple[int, int]] = []

        def delivered(error: Any, message: Message) -> None:
            assert error is None, error
            number, offset = message.partition(), message.offset()
            assert number is not None
            assert offset is not None
            where.append((number, offset))

        name = self.settings.topic(topic)
        self._producer.produce(name, value, key, number, delivered, timestamp=at, headers=headers or [])
        self._producer.flush(PATIENCE)
        return where[0]

    def site(self, site_id: str, **fields: Any) -> tuple[int, int]:
        """A site that is ready: two contacts, an address, two partners."""
        value = {
            "site_id": site_id,
            "subscribed": True,
            "contacts": [
                {"contact_id": f"{site_id}-{n}", "role": role, "phone": phone, "password_hash": "$argon2id$x"}
                for n, (role, phone) in enumerate(zip(("OWNER", "MEMBER"), PHONES, strict=False), start=1)
            ],
            "address": {"line1": "1 rue X", "postal_code": "75001", "city": "Paris", "country": "FR"},
            "intervention": {"enabled": True, "partners": ["guards", "other-guards"]},
            "updated_at": now_ms(),
            **fields,
        }
        return self.put("sites", encode("Site", value), site_id)

    def live_site(self, site_id: str) -> None:
        """A site that is ready, and that the worker knows: topics are read as they arrive, in no order."""
        self.site(site_id)
        self.wait_for(site_id, "readiness")

    def alert(self, site_id: str, alert_id: str, number: int = -1, **fields: Any) -> tuple[int, int]:
        value = {"alert_id": alert_id, "site_id": site_id, "kind": "INTRUSION", "raised_at": now_ms(), **fields}
        return self.put("alerts", encode("Alert", value), site_id, number)

    def answer(self, call: Mapping[str, Any], outcome: str, situation: str = "UNKNOWN") -> tuple[int, int]:
        """The result of a call command."""
        value = {
            "result_id": f"{call['command_id']}-result",
            "site_id": call["site_id"],
            "incident_id": call["incident_id"],
            "command_id": call["command_id"],
            "direction": "OUTBOUND",
            "outcome": outcome,
            "situation": situation,
            "ended_at": now_ms(),
        }
        return self.put("call-results", encode("CallResult", value), call["site_id"])

    def all(self, *topics: str) -> list[Seen]:
        """Everything that is committed by now on some topics, each partition in its order."""
        logs = [
            TopicPartition(self.settings.topic(topic), number)
            for topic in topics
            for number in range(self.settings.topics.partitions)
        ]
        answers = self._admin.list_offsets(
            {log: OffsetSpec.latest() for log in logs},  # type: ignore[no-untyped-call]
            isolation_level=IsolationLevel.READ_COMMITTED,
        )
        ends = {(log.topic, log.partition): answer.result().offset for log, answer in answers.items()}

        def read() -> bool:
            for message in self._consumer.consume(1000, 0.02):
                if error := message.error():
                    raise KafkaException(error)
                self._seen.append(_seen(message, self._names))
            return all(
                log.offset >= ends[log.topic, log.partition] or ends[log.topic, log.partition] == 0
                for log in self._consumer.position(logs)
            )

        eventually(read, f"reading {topics} to their ends")
        return [seen for seen in self._seen if seen.topic in topics]

    def of(self, site_id: str, *topics: str) -> list[Seen]:
        """The same, of one site."""
        return [seen for seen in self.all(*topics) if seen.key == site_id]

    def wait_for(self, site_id: str, topic: str, seconds: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """The first value of a site on a topic that has these fields."""

        def probe() -> dict[str, Any] | None:
            for seen in self.of(site_id, topic):
                if seen.value is not None and fields.items() <= seen.value.items():
                    return seen.value
            return None

        found: dict[str, Any] = eventually(probe, f"{topic} of {site_id} with {fields}", seconds)
        return found

    def rules(self, site_id: str) -> list[str]:
        """What was decided for a site."""
        return [seen.value["rule"] for seen in self.of(site_id, "decisions") if seen.value]


def _seen(message: Message, names: Mapping[str, str]) -> Seen:
    topic = names[str(message.topic())]
    schema, value = TOPICS[topic].schema, message.value()
    key = message.key()
    return Seen(
        topic,
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        key.decode(errors="replace") if isinstance(key, bytes) else "",
        decode(schema, value) if schema is not None and isinstance(value, bytes) else None,
        {name: value.decode() for name, value in cast("Headers", message.headers() or []) if isinstance(value, bytes)},
    )


@contextmanager
def worker(settings: Path, **environment: str) -> Iterator[RondeProcess]:
    """A worker that is killed at the end, if it still runs."""
    process = RondeProcess("worker", ["worker", "--settings", settings], settings.with_suffix(".log"))
    process.start(environment)
    try:
        yield process
    except BaseException:
        process.report()
        raise
    finally:
        process.kill()
