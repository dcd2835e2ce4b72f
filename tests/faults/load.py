"""The load: homes that raise alerts at a rate, answered by a telephony, partners and operators, on a real broker.

Two threads and one producer. Every send that the broker acknowledged is in the journal, with the place it was given.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.faults.desks import Homes, Outside
from tests.faults.records import NAMED_TOPICS, Sent, Value, decode, encode, id_of
from tests.faults.tail import RENEW_SECONDS, SILENT

TICK_SECONDS: Final = 0.01
STUCK_SECONDS: Final = 45.0  # a record was not sent for so long, and others are acknowledged
EDITS_A_SECOND: Final = 3


class Journal:
    """Sends to the input topics; the acknowledged ones are in ``sent``.

    A client that has lost sight of a partition's leader gives way to another one, as those of the edges do
    (`tests/edges/kafka/test_stuck.py`).
    """

    def __init__(self, servers: str, prefix: str) -> None:
        self.sent: list[Sent] = []
        self.refused: list[str] = []
        self._servers = servers
        self._prefix = prefix
        self._lock = threading.Lock()
        self._since: dict[Callable[..., None], float] = {}  # what is under way, in the order that it was sent
        self._purged: deque[Callable[[], None]] = deque()
        self._acknowledged_at = self._renewed_at = float("-inf")
        self._producers = [self._client()]

    def _client(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.max.bytes": 1_200_000,
                "queue.buffering.max.messages": 1_000_000,
            },
            logger=SILENT,
        )

    def say(self, topic: str, value: Value) -> None:
        """Send a good value."""
        self.send(topic, value["site_id"].encode(), encode(topic, value), id_of(topic, value))

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        name: str,
        *,
        end: str | None = None,
        partition: int = -1,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Send any bytes; ``end`` is the dead letter's reason they are made for."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._acknowledged_at = time.monotonic()
                place = (topic, cast("int", message.partition()), cast("int", message.offset()))
                self.sent.append(Sent(place, name, end))
            elif error.code() == KafkaError._PURGE_QUEUE:
                self._purged.append(produce)
            else:
                self.refused.append(f"{name}: {error.name()}")
            self._since.pop(delivered, None)

        given: dict[str, Any] = {} if partition < 0 else {"partition": partition}

        def produce() -> None:
            self._since[delivered] = time.monotonic()
            self._producers[-1].produce(
                f"{self._prefix}{topic}", value, key, on_delivery=delivered, headers=headers or [], **given
            )

        produce()

    def poll(self) -> None:
        """Take in what was acknowledged, and send again what a client that is stuck never sent."""
        with self._lock:
            for producer in self._producers:
                producer.poll(0)
            now = time.monotonic()
            oldest = next(iter([*self._since.values()]), now)
            if now - max(oldest, self._renewed_at) > STUCK_SECONDS and now - self._acknowledged_at < 1:
                self._renewed_at = now
                self._producers.append(self._client())
                for producer in self._producers[:-1]:
                    producer.purge(in_flight=False)
            while self._purged:
                self._purged.popleft()()

    def flush(self, seconds: float = 60.0) -> None:
        """Wait until everything sent is acknowledged or refused."""
        give_up = time.monotonic() + seconds
        while len(self):
            self.poll()
            assert time.monotonic() < give_up, f"the broker does not acknowledge {len(self)} records"
            time.sleep(TICK_SECONDS)

    def __len__(self) -> int:
        """How many sends are still under way."""
        return len(self._since) + len(self._purged)


class Load:
    """Alerts at ``rate`` a second until `calm_down`; answers until `stop`."""

    def __init__(
        self,
        servers: str,
        prefix: str,
        *,
        seed: int,
        partitions: int,
        rate: int,
        sites: int,
        late_seconds: float,
        now_ms: Callable[[], int],
    ) -> None:
        self.journal = Journal(servers, prefix)
        self.outside = Outside(seed, late_seconds)
        self.homes = Homes(seed, sites)
        self.rate = rate
        self._now = now_ms
        self._names = {f"{prefix}{topic}": topic for topic in NAMED_TOPICS}
        self._servers = servers
        self._group = f"{prefix}outside"
        self._positions = {(name, number): 0 for name in self._names for number in range(partitions)}
        self._consumer = self._reader()
        self._taken = 0  # commands and attentions that were taken in
        self._answering = threading.Lock()  # what is due is neither on the agenda nor sent, for a moment
        self._came_at = time.monotonic()
        self._calm = threading.Event()
        self._renew = threading.Event()
        self._stopped = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(run,), name=run.__name__, daemon=True)
            for run in (self._raise_alerts, self._answer)
        ]

    def start(self) -> None:
        """Configure the sites, then begin."""
        for name in self.homes.names:
            self.journal.say("sites", self.homes.site(name, self._now()))
        self.journal.flush()
        for thread in self._threads:
            thread.start()

    def calm_down(self) -> None:
        """No more alerts; everybody answers at once and well."""
        self._calm.set()
        self._threads[0].join()
        self.outside.silent = False
        self.outside.calm = True

    def is_quiet(self, told: int) -> bool:
        """Whether nobody has anything more to say by himself, nor to the first ``told`` commands and attentions."""
        self.check()
        with self._answering:
            has_read_all = self._taken >= told
            has_nothing_to_say = has_read_all and self.outside.agenda.next_at() is None
            if not has_read_all and time.monotonic() - self._came_at > RENEW_SECONDS:
                self._came_at = time.monotonic()
                self._renew.set()
        return self._calm.is_set() and has_nothing_to_say and not len(self.journal)

    def stop(self) -> None:
        """End it."""
        self._calm.set()
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self._consumer.close()
        self.check()

    def check(self) -> None:
        """Raise what a thread failed with."""
        if self._failures:
            raise self._failures[0]

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as failure:  # noqa: BLE001 - told by `check`
            self._failures.append(failure)

    def _raise_alerts(self) -> None:
        begun, raised, edited = time.monotonic(), 0, 0
        while not self._calm.wait(TICK_SECONDS):
            passed = time.monotonic() - begun
            while raised < passed * self.rate:
                self.journal.say("alerts", self.homes.alert(self._now()))
                raised += 1
            while edited < passed * EDITS_A_SECOND:
                name, site = self.homes.edit(self._now())
                if site is None:
                    self.journal.send("sites", name.encode(), None, name)
                else:
                    self.journal.say("sites", site)
                edited += 1
            self.journal.poll()

    def _answer(self) -> None:
        while not self._stopped.is_set():
            messages = [message for message in self._consumer.consume(500, TICK_SECONDS) if message.error() is None]
            with self._answering:
                for message in messages:
                    self._take(message)
                for topic, answer in self.outside.agenda.due(self._now()):
                    self.journal.say(topic, answer)
            self.journal.poll()
            if self._renew.is_set():  # a reader that was through an outage may get no records any more
                self._renew.clear()
                self._consumer.close()
                self._consumer = self._reader()

    def _take(self, message: Message) -> None:
        name, value = cast("str", message.topic()), message.value()
        self._positions[name, cast("int", message.partition())] = cast("int", message.offset()) + 1
        self._taken += 1
        self._came_at = time.monotonic()
        if value is not None:
            self.outside.take(self._names[name], decode(self._names[name], value), self._now())

    def _reader(self) -> Consumer:
        """One that begins where the load has come to."""
        reader = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": self._group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
            },
            logger=SILENT,
        )
        reader.assign([TopicPartition(*log, position) for log, position in self._positions.items()])
        return reader
