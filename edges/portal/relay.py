"""Passes on to Kafka what changed in the database: the last state of each key, never an older one after a newer.

**The fence is Kafka's.** All portals have one `transactional.id`. A relay takes it (`init_transactions`), and only then
reads the rows that it publishes. The relay that had it before can commit nothing more, so no state read earlier reaches
the topic after one read later. A relay that was put to sleep at any step wakes up fenced.

The lease in the database (`portal.relay`) only keeps two relays from taking the fence from each other all the time. A
relay that Kafka or the schema registry keeps from its work leaves it to another, which may reach them. A
record may be published twice when a relay dies between Kafka's commit and its note, or somebody who changes the site
keeps it from its note; twice the same, or a newer one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Producer
from psycopg.errors import LockNotAvailable

from edges.database.postgres import PASSING
from edges.errors import EdgeError
from edges.portal import faults
from edges.portal.outbox import Waiting, note, read, take
from edges.portal.sql import migrate
from edges.settings import Connection
from schemas.avro.errors import RegistryUnreachable
from service import logs
from service.clock import now_ms
from service.pauses import EDGE_SECONDS
from service.postgres import Session, connect, reason
from service.postgres_settings import PostgresSettings

_log: Final = logs.logger(__name__)

TRANSACTIONS: Final = "portal"  # the `transactional.id` of all portals, without prefix
TRANSACTION_SECONDS: Final = 10  # then the broker ends the transaction of a relay that hangs
LEASE_SECONDS: Final = 3.0
_RENEW_SECONDS: Final = 0.5
_FAILING_SECONDS: Final = float(TRANSACTION_SECONDS)  # then another is to try; as long, a commit may still be made
_LOOK_SECONDS: Final = 0.2  # how often the outbox is looked into when nobody calls
_ATTEMPT_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 2 * EDGE_SECONDS  # another asks for the lease twice meanwhile
_BATCH: Final = 500
_LOCK_TIMEOUT: Final = "500ms"

Encode: TypeAlias = Mapping[str, Callable[[Any], bytes]]


class RelaySettings(NamedTuple):
    """What a relay needs; secrets included, never log it."""

    owner: str
    connection: Connection
    postgres: PostgresSettings


class _Lost(Exception):
    """Another portal has the lease."""


class Relay:
    """A thread that publishes while this portal is the one to do so.

    Args:
        encode: makes a record's value of the state of a key, by topic. May ask a schema registry.
        report: called with what keeps it from publishing (``postgres``, ``kafka``), and with None once it does.

    """

    def __init__(
        self,
        settings: RelaySettings,
        encode: Callable[[], Encode],
        report: Callable[[str, str | None], None] = lambda _thing, _reason: None,
        published: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._settings = settings
        self._make_encode = encode
        self._encode: Encode = {}
        self._report = report
        self._published = published
        self._stopping = threading.Event()
        self._called = threading.Event()
        self._renewed_at = float("-inf")
        self._failing_since: float | None = None
        self._pause = EDGE_SECONDS
        self._too_large: set[tuple[str, str, int]] = set()  # topic, key, change
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self) -> None:
        """Look into the outbox now; from any thread."""
        self._called.set()

    def stop(self, seconds: float = 4.0) -> None:
        """Finish the transaction under way, and leave the lease to others."""
        self._stopping.set()
        self._called.set()
        self._thread.join(seconds)

    @property
    def failure(self) -> Exception | None:
        """What ended it, where waiting would not have helped."""
        return self._failure

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._session()
            except _Lost:
                self._stopping.wait(EDGE_SECONDS)
            except KafkaException as error:
                name = error.args[0].name()
                _log.warning("records are not passed on", error=name)
                self._report("kafka", f"Kafka takes no records: {name}")
                self._stopping.wait(self._pause)
            except PASSING as error:
                self._report("postgres", reason(error))
                self._stopping.wait(EDGE_SECONDS)
            except RegistryUnreachable:
                self._stopping.wait(self._pause)
            except EdgeError as error:
                self._failure = error
                return
            except Exception as error:  # noqa: BLE001 - a thread that ended unseen would pass nothing on for good
                _log.error("the relay failed", error=logs.places(error))
                self._failure = error
                return

    def _session(self) -> None:
        """Publish as long as the lease is ours. Raises what ends that."""
        with connect(self._settings.postgres, "ronde portal, relay") as database:
            migrate(database)
            database.execute("SELECT set_config('lock_timeout', %s, false)", (_LOCK_TIMEOUT,))
            self._report("postgres", None)
            self._renewed_at = float("-inf")
            while not self._renew(database):
                self._report("kafka", None)  # another portal does it
                self._failing_since = None
                if self._stopping.wait(EDGE_SECONDS):
                    return
            faults.at("after_take")
            try:
                self._work(database)
            except (KafkaException, RegistryUnreachable):
                self._pause = EDGE_SECONDS
                if self._fails_for_long():
                    take(database, self._settings.owner, 0.0)
                    self._failing_since, self._pause = None, _LEAVE_SECONDS
                raise
            take(database, self._settings.owner, 0.0)

    def _work(self, database: Session) -> None:
        """Take the fence, and publish until this portal stops."""
        if not self._encode:
            self._encode = self._make_encode()
        producer = Producer(self._properties())
        try:
            self._patiently(database, lambda: producer.init_transactions(_ATTEMPT_SECONDS))
            faults.at("after_init")
            self._report("kafka", None)
            self._publish(database, producer)
        finally:
            producer.purge()

    def _fails_for_long(self) -> bool:
        """Note that Kafka or the registry fails; whether they have for so long that another portal is to try."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since >= _FAILING_SECONDS

    def _publish(self, database: Session, producer: Producer) -> None:
        while not self._stopping.is_set():
            if not self._renew(database):
                raise _Lost
            self._called.clear()
            found = read(database, _BATCH)
            faults.at("after_read")
            if waiting := [entry for entry in found if (entry.topic, entry.key, entry.change) not in self._too_large]:
                self._pass_on(database, producer, waiting)
            self._failing_since = None
            if len(found) < _BATCH or not waiting:
                self._called.wait(_LOOK_SECONDS)

    def _pass_on(self, database: Session, producer: Producer, waiting: list[Waiting]) -> None:
        """One transaction of Kafka; the database notes it afterwards."""
        at = now_ms()
        producer.begin_transaction()
        waiting = [entry for entry in waiting if self._produce(producer, entry, at)]
        faults.at("after_produce")
        # The commit would wait for the records' delivery too, but at a step of its own it can be shown to fail.
        self._patiently(database, lambda: producer.flush(_ATTEMPT_SECONDS))
        faults.at("after_flush")
        self._patiently(database, lambda: producer.commit_transaction(_ATTEMPT_SECONDS))
        faults.at("after_commit")
        self._report("kafka", None)
        try:
            note(database, waiting, at)
        except LockNotAvailable:  # who changes one of them stands still: the others do not wait, all are said again
            return
        faults.at("after_note")
        self._published(len(waiting))

    def _produce(self, producer: Producer, entry: Waiting, at: int) -> bool:
        """Hand over a record; False: it is larger than Kafka takes, and waits until it is changed. Others go on."""
        value = None if entry.state is None else self._encode[entry.topic](entry.state)
        try:
            producer.produce(self._settings.connection.topic(entry.topic), value, entry.key.encode(), timestamp=at)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            _log.error("a record is too large to be passed on", topic=entry.topic, key=entry.key)
            self._too_large.add((entry.topic, entry.key, entry.change))
            return False
        return True

    def _patiently(self, database: Session, call: Callable[[], Any]) -> None:
        """Repeat what the broker does not answer, while the lease is ours and nobody else is to try."""
        while True:
            try:
                call()
            except KafkaException as error:
                if self._stopping.is_set() or not error.args[0].retriable() or self._fails_for_long():
                    raise
                self._report("kafka", f"Kafka does not answer: {error.args[0].name()}")
                if not self._renew(database):
                    raise _Lost from None
            else:
                return

    def _renew(self, database: Session) -> bool:
        """Take the lease, or keep it; False: another portal has it."""
        now = time.monotonic()
        if now - self._renewed_at < _RENEW_SECONDS:
            return True
        if not take(database, self._settings.owner, LEASE_SECONDS):
            return False
        self._renewed_at = now
        return True

    def _properties(self) -> dict[str, Any]:
        return {
            "linger.ms": 2,
            "retry.backoff.ms": 5,
            **self._settings.connection.producer,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # every record has a key
            "transactional.id": f"{self._settings.connection.prefix}{TRANSACTIONS}",
            "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
        }
