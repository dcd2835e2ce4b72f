"""Commands from Kafka into PostgreSQL: an offset is committed once its command is stored.

A thread of its own. All processes are in one group; what is read twice is stored once.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import psycopg
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, TopicPartition

from edges.database.postgres import PASSING
from edges.errors import EdgeError
from edges.kafka.ages import Ages
from edges.kafka.layout import Layout
from edges.kafka.renewal import Renewal
from edges.kafka.watermarks import Watermarks
from edges.partners import faults, schedule
from edges.partners.ages import LATE_SECONDS
from edges.partners.sql import migrate, query
from edges.partners.store import now_ms
from edges.partners.values import to_json
from edges.values import DispatchCommand
from schemas.avro.errors import RegistryUnreachable, Undecodable
from service import logs
from service.lost_leader import PASSED_ON, Standstill
from service.pauses import EDGE_SECONDS
from service.postgres import connect, reason

if TYPE_CHECKING:
    from confluent_kafka import Message

    from edges.partners.api_partners import ApiPartners
    from edges.settings import Connection
    from schemas.contract.topics import Log
    from service.postgres import Session
    from service.postgres_settings import PostgresSettings

_log: Final = logs.logger(__name__)

_TOPIC: Final = "dispatches"
_AT_ONCE: Final = 500
_POLL_SECONDS: Final = 0.2
_ASK_SECONDS: Final = 1.0
_STANDBY_SECONDS: Final = 5.0  # a consumer without a partition asks so often whether a broker answers
_PUBLISH_SECONDS: Final = 1.0
_FATAL: Final = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}


class _Record(Protocol):
    """A message that is a record, or the end of a partition: what confluent-kafka types as optional is there."""

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def value(self) -> bytes | None: ...
    def timestamp(self) -> tuple[int, int]: ...


class Intake:
    """Reads, stores, commits.

    Args:
        stored: called from the thread with the number of commands that are new.
        report: called from the thread with what keeps it from its work (``postgres``, ``kafka``, ``registry``,
            ``group``), and with None once that is back.

    """

    def __init__(
        self,
        connection: Connection,
        postgres: PostgresSettings,
        decode: Callable[[bytes], Any],
        api_partners: ApiPartners,
        *,
        stored: Callable[[int], None],
        report: Callable[[str, str | None], None],
    ) -> None:
        self._connection = connection
        self._postgres = postgres
        self._decode = decode
        self._api_partners = api_partners
        self._stored = stored
        self._report = report
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatches", daemon=True)
        self._ages = Ages((_TOPIC, number) for number in range(connection.partitions))
        self._watermarks = Watermarks(connection, (_TOPIC,), self._ages.ends)
        self._own: set[int] = set()
        self._late: list[int] = []
        self._published: dict[int, int] = {}
        self._publish_at = 0.0
        self._standstill = Standstill(PASSED_ON)
        self._is_compared = False  # the topic with the settings
        self._ask_at = float("-inf")  # whether a consumer without a partition is answered
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begin."""
        self._watermarks.start()
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Finish what was read, and leave the group."""
        self._stopping.set()
        self._thread.join(seconds)
        self._watermarks.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._postgres, "ronde partners, intake") as database:
                    migrate(database)
                    self._report("postgres", None)
                    self._read(database)
            except PASSING as error:
                self._report("postgres", reason(error))
                self._stopping.wait(EDGE_SECONDS)
            except EdgeError as error:
                self.failure = error
                return
            except Exception as error:  # noqa: BLE001 - a thread that ended unseen would ask nobody for good
                _log.error("commands are read no more", error=logs.places(error))
                self.failure = error
                return

    def _read(self, database: Session) -> None:
        consumer = Consumer(self._properties(), logger=logging.getLogger("librdkafka"))
        try:
            consumer.subscribe([self._connection.topic(_TOPIC)], on_assign=self._joined, on_revoke=self._left)
            renewal = Renewal()
            while not self._stopping.is_set():
                first = consumer.poll(_POLL_SECONDS)
                messages = [] if first is None else [first, *consumer.consume(_AT_ONCE - 1, 0)]
                if self._own and not self._is_compared and not self._compare(consumer):
                    return
                if messages:
                    self._take(database, consumer, messages)
                self._publish(database)
                if self._is_blind() or self._is_unanswered(consumer, renewal):
                    return
        finally:
            consumer.close()
            self._own.clear()

    def _compare(self, consumer: Consumer) -> bool:
        """Raise `TopicsDifferError` where the topic has not the partitions of the settings.

        False: it ends first, or another consumer is due, as this one is not answered.
        """
        layout, renewal = Layout(self._connection, (_TOPIC,)), Renewal()
        while not self._stopping.is_set() and not renewal.is_due():
            try:
                layout.leaders(consumer, _ASK_SECONDS)
            except KafkaException:
                self._stopping.wait(EDGE_SECONDS)
            else:
                self._is_compared = True
                return True
        return False

    def _is_unanswered(self, consumer: Consumer, renewal: Renewal) -> bool:
        """Whether another consumer is due, as this one has no partition and no broker answers it (`Renewal`)."""
        if self._own or time.monotonic() < self._ask_at:
            return False
        self._ask_at = time.monotonic() + _STANDBY_SECONDS
        try:
            with suppress(EdgeError):  # an answer; it matters once there is a partition
                Layout(self._connection, (_TOPIC,)).leaders(consumer, _ASK_SECONDS)
        except KafkaException:
            return renewal.is_due()
        renewal.answered()
        return False

    def _is_blind(self) -> bool:
        """Whether another consumer is due, as this one has lost sight of a leader (`service.lost_leader`)."""
        log = self._standstill.look(self._still)
        if log is not None:
            _log.warning("another Kafka reader takes the place of this one", topic=log[0], partition=log[1])
        return log is not None

    def _still(self) -> dict[Log, float]:
        return {log: at for log, at in self._ages.still(LATE_SECONDS).items() if log[1] in self._own}

    def _take(self, database: Session, consumer: Consumer, messages: Sequence[Message]) -> None:
        positions: dict[Log, int] = {}
        records = self._good(messages, positions)
        if records:
            faults.at("after_read")
            self._store(database, records)
            faults.at("after_store")
            self._commit(consumer, records)
            faults.at("after_commit")
        self._ages.reach(positions)

    def _joined(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._own |= {partition.partition for partition in partitions}
        if max(self._own, default=0) >= self._connection.partitions:
            self._is_compared = False  # the topic has got more
        self._judge_age()
        self._report("group", None)  # also without a partition: others have them

    def _left(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._own -= {partition.partition for partition in partitions}

    def _judge_age(self) -> None:
        late = sorted(number for number in self._own if self._ages.age((_TOPIC, number)) > LATE_SECONDS)
        if late != self._late:
            self._late = late
            self._report("kafka", f"{_TOPIC} is not read to its end: partitions {late}" if late else None)

    def _publish(self, database: Session) -> None:
        """Note, once a second, when each partition was last read to its end: pages say how old they are."""
        self._judge_age()
        if time.monotonic() < self._publish_at:
            return
        self._publish_at = time.monotonic() + _PUBLISH_SECONDS
        ages, now = self._ages.all(), now_ms()
        read_at = {number: now - round(1000 * age) for (_, number), age in ages.items() if age < math.inf}
        news = [number for number, at in read_at.items() if at > self._published.get(number, 0)]
        if news:
            with database.pipeline(), database.transaction(), database.cursor() as cursor:
                cursor.executemany(
                    query("put_partition"), [{"number": number, "at": read_at[number]} for number in news]
                )
            self._published = read_at

    def _good(self, messages: Sequence[Message], positions: dict[Log, int]) -> list[_Record]:
        """Those that are records; ``positions`` gets how far that leads.

        Raises `EdgeError` for an error that does not pass by itself.
        """
        records = []
        for message in messages:
            error, record = message.error(), cast("_Record", message)
            if error is None:
                records.append(record)
                positions[_TOPIC, record.partition()] = record.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin so
                positions[_TOPIC, record.partition()] = record.offset()
            elif error.code() in _FATAL:
                raise EdgeError(
                    f"the broker does not let us read {_TOPIC}: {error.str()}; "
                    f"see `ronde topics acl --role partners --group {self._connection.group}`"
                )
            else:
                _log.warning("a partition is not read", partition=message.partition(), error=error.name())
        return records

    def _store(self, database: Session, records: Sequence[_Record]) -> None:
        commands = [(self._command(record), _written_at(record)) for record in records]
        now, known = now_ms(), self._api_partners.names()
        rows = [
            row_of(command, now, written_at, is_known=known is None or command.partner_id in known)
            for command, written_at in commands
            if command is not None
        ]
        try:
            self._put(database, rows)
        except psycopg.DataError:
            for row in rows:
                try:
                    self._put(database, [row])
                except psycopg.DataError:  # U+0000 in an id: for want of an answer the engine asks somebody else
                    _log.error("a command cannot be stored", action=row["action"])

    def _put(self, database: Session, rows: Sequence[dict[str, Any]]) -> None:
        while rows:
            try:
                with database.pipeline(), database.transaction(), database.cursor() as cursor:
                    cursor.executemany(query("put_command"), rows, returning=True)
                    stored = [row for result in cursor.results() for row in result]
            except psycopg.errors.DeadlockDetected:  # with a process that notes what came of earlier commands
                continue
            if stored:
                self._stored(len(stored))
            for partner, count in Counter(partner for partner, is_late in stored if is_late).items():
                _log.warning("commands came too late to be posted", partner=partner, commands=count)
            return

    def _command(self, record: _Record) -> DispatchCommand | None:
        value = record.value()
        while value is not None:
            try:
                command: DispatchCommand = self._decode(value)
            except RegistryUnreachable as error:
                self._report("registry", str(error))
                if self._stopping.wait(EDGE_SECONDS):
                    raise EdgeError("the schema registry did not answer before the end") from None
            except Undecodable as error:
                raise EdgeError(
                    f"{record.topic()} {record.partition()}, offset {record.offset()}: the record cannot be read: "
                    f"{error}; this version of ronde does not know its schema, or it is not the engine's. Nothing is "
                    "skipped: run the version that wrote it"
                ) from None
            else:
                self._report("registry", None)
                return command
        return None

    def _commit(self, consumer: Consumer, records: Sequence[_Record]) -> None:
        ends = {record.partition(): record.offset() + 1 for record in records}
        topic = self._connection.topic(_TOPIC)
        try:
            consumer.commit(offsets=[TopicPartition(topic, *end) for end in ends.items()], asynchronous=True)
        except KafkaException as error:  # read again, and stored once
            _log.warning("an offset is not committed", error=error.args[0].name())

    def _properties(self) -> dict[str, Any]:
        return {
            "fetch.wait.max.ms": 100,
            "session.timeout.ms": 10_000,
            **self._connection.consumer,
            "group.id": self._connection.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }


def _written_at(record: _Record) -> int | None:
    """When a record was written, Unix milliseconds; None where it does not say so."""
    kind, at = record.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else at


def row_of(
    command: DispatchCommand, now: int, written_at: int | None = None, *, is_known: bool = False, is_test: bool = False
) -> dict[str, Any]:
    """The values of ``put_command``.

    ``written_at`` (None: it is not known) says how old it is; ``is_known``: stored also where the partner has no
    webhook.
    """
    age_from = command.issued_at if written_at is None else written_at
    return {
        "command_id": command.command_id,
        "dispatch_id": command.dispatch_id,
        "partner_id": command.partner_id,
        "site_id": command.site_id,
        "incident_id": command.incident_id,
        "action": command.action,
        "value": to_json(command),
        "is_test": is_test,
        "is_known": is_known,
        "now": now,
        "written_at": age_from,
        "gives_up_at": schedule.gives_up_at(command.action, command.respond_by, age_from, now),
    }
