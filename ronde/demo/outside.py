"""The Kafka side of an outside system: it reads commands from one topic and answers on another.

Shared by telephony and partners; any such program needs it (contracts.md, Topics):

- ``isolation.level=read_committed``: a command counts once the engine's transaction is committed;
- ``partitioner=murmur2_random``: librdkafka's own default would put a site's answers on another partition
  than the site;
- the committed offset stays behind the oldest command that is not answered yet, so that a restart reads it
  again. Answers have stable ids: sent twice, they count once.
"""

import logging
import signal
import sys
import time
from threading import Event
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

import schemas
from ronde.demo.agenda import Agenda, Record
from schemas.contract.topics import TOPICS

LONGEST_NAP = 0.1  # seconds: how late a stop signal may be noticed
READING = "reads"  # the first word of the line logged once partitions are assigned

log = logging.getLogger("ronde.demo")


class Desk(Protocol):
    """Answers commands; its agenda holds the planned answers."""

    agenda: Agenda

    def take(self, command: Record, now: int) -> str | None:
        """Handle a command at ``now`` (ms); the owner of its answers in the agenda, None without any."""


class Unanswered:
    """The unanswered commands, by their place on the topic."""

    def __init__(self) -> None:
        self._owners: dict[int, dict[int, str]] = {}  # partition, offset: owner; offsets rise
        self._next: dict[int, int] = {}  # partition: the offset after the last command read
        self._committed: dict[int, int] = {}

    def read(self, partition: int, offset: int, owner: str | None) -> None:
        """Note a command that was read; ``owner`` None if it needs no answer."""
        self._next[partition] = offset + 1
        if owner is not None:
            self._owners.setdefault(partition, {})[offset] = owner

    def moved(self, open_owners: set[str]) -> dict[int, int]:
        """Return the offsets to commit, by partition, where they moved: all earlier commands are answered."""
        moved = {}
        for partition, position in self._next.items():
            owners = self._owners.get(partition, {})
            for offset in [offset for offset, owner in owners.items() if owner not in open_owners]:
                del owners[offset]
            earliest = next(iter(owners), position)
            if self._committed.get(partition) != earliest:
                moved[partition] = self._committed[partition] = earliest
        return moved


class Exchange:
    """Connects a desk to Kafka: commands in, answers out. Topics are named without their prefix."""

    def __init__(self, desk: Desk, *, kafka: str, prefix: str, group: str, reads: str, writes: str) -> None:
        self._desk = desk
        self._command, self._answer = _schema(reads), _schema(writes)
        self._reads, self._writes = prefix + reads, prefix + writes
        self._unanswered = Unanswered()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": prefix + group,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": 6000,  # a process that died is replaced in seconds; the default is 45
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 1,
            }
        )
        self._consumer.subscribe([self._reads], on_assign=self._assigned)

    def serve(self, stop: Event) -> None:
        """Answer commands until ``stop``. Raises KafkaException when the client cannot continue."""
        while not stop.is_set():
            message = self._consumer.poll(self._nap())
            if message is not None:
                self._take(message)
            for answer in self._desk.agenda.due(_now()):
                self._say(answer)
            moved = self._unanswered.moved(self._desk.agenda.owners())
            if moved:
                self._producer.flush()  # an answer is on the broker before its command counts as answered
                self._consumer.commit(offsets=[TopicPartition(self._reads, *place) for place in moved.items()])

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            log.warning("Kafka: %s", error.str())
            if error.fatal():
                raise KafkaException(error)
            return
        partition, offset, value = message.partition(), message.offset(), message.value()
        assert partition is not None  # the client's types are those of events too
        assert offset is not None
        assert value is not None  # out topics have no tombstones
        command = schemas.decode(self._command, value)
        self._unanswered.read(partition, offset, self._desk.take(command, _now()))
        log.info("%s asks %s %s", command["site_id"], command["action"], command["command_id"])

    def _say(self, answer: Record) -> None:
        key, value = answer["site_id"].encode(), schemas.encode(self._answer, answer)
        self._producer.produce(self._writes, key=key, value=value, on_delivery=_delivered)
        log.info("%s gets %s", answer["site_id"], answer.get("outcome") or answer.get("status"))

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("%s %s, %d partitions", READING, self._reads, len(partitions))

    def _nap(self) -> float:
        """Return the seconds until the next answer, so that it is sent on time."""
        next_at = self._desk.agenda.next_at()
        return LONGEST_NAP if next_at is None else min(LONGEST_NAP, max(0.0, (next_at - _now()) / 1000))


def run(group: str, desk: Desk, *, kafka: str, prefix: str, reads: str, writes: str) -> None:
    """Answer commands until SIGTERM or SIGINT; logs go to standard output."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    exchange = Exchange(desk, kafka=kafka, prefix=prefix, group=group, reads=reads, writes=writes)
    try:
        exchange.serve(stop)
    finally:
        exchange.close()
    log.info("stopped")


def _delivered(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise KafkaException(error)


def _schema(topic: str) -> str:
    schema = TOPICS[topic].schema
    assert schema is not None, topic
    return schema


def _now() -> int:
    return time.time_ns() // 1_000_000
