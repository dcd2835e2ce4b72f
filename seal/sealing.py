"""Read the topics in order, append each record's leaf to its partition's tree, and sign a head an hour."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.avro.errors import RegistryNotSet, RegistryUnreachable
from schemas.contract.topics import RECEIVED_BYTES, Log
from seal import keys
from seal.commitments import SEALED, Commitments, Parts
from seal.erasures import erasure_of
from seal.errors import AwayError, LockedError, SealError
from seal.heads import Heads
from seal.metrics import Behind, SealMetrics
from seal.progress import Progress, Standstill
from seal.settings import SealConfiguration
from seal.store import Head, Store, TreeState
from seal.topic_ids import ELSEWHERE, TopicIds
from service.clock import now_ms
from service.headers import headers_of
from service.log_record import LogRecord
from service.logs import logger
from service.pauses import kafka_answer, retriable_for
from service.registry import registry_of
from service.silence import silent

_ERASURES: Final = "erasures"
_NOBODY: Final = -1  # leads a partition
_BATCH: Final = 5000
_POLL_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 10.0
_ENDS_SECONDS: Final = 2.0  # for the ends of all logs, amid the work
_LOOK_SECONDS: Final = 10.0  # between two looks at the cluster
_HOUR_MS: Final = 3_600_000
_MOVE_SECONDS: Final = 120.0  # in which a log that has not ended must be read further, with --once
_SHORTER_SECONDS: Final = 10.0  # in which a log that ends before its tree may turn out not to
_OTHER_SECONDS: Final = 30.0  # in which another process must seal something more
_log = logger(__name__)


class Arrived(NamedTuple):
    """What has arrived: records to seal, values of erasures, and the logs that were read to their end."""

    records: list[LogRecord]
    erasures: list[bytes]
    ended: list[Log]


class Sealing:
    """Seals, from one connection to PostgreSQL.

    ``behind``: since when each log is behind, by earlier ones of the same process.

    Raises `AwayError` where waiting helps, `SealError` where it does not, and what `Store` raises.
    """

    def __init__(
        self,
        configuration: SealConfiguration,
        store: Store,
        metrics: SealMetrics | None = None,
        behind: Behind | None = None,
    ) -> None:
        self._configuration = configuration
        self._store = store
        self.metrics = metrics or SealMetrics()
        self._behind = behind or Behind()
        settings = configuration.seal
        self._heads = Heads(store, keys.load(settings.key_file), settings.stamp_url, self.metrics)
        registry = registry_of(configuration.registry, configuration.seal.data_dir)
        self._commitments = Commitments(store.secret, None if registry is None else registry.schema)
        self._trees: dict[Log, TreeState] = {}
        self._gone: dict[Log, tuple[int, int]] = {}  # what Kafka removed unsealed, not counted yet
        self._topic_ids = TopicIds(store, configuration.admin, configuration.prefix)
        self._progress = Progress()
        self._has_erasures = False
        self._looked_at = time.monotonic()
        self._consumer = Consumer(
            {
                "receive.message.max.bytes": RECEIVED_BYTES,
                **configuration.consumer,
                "group.id": configuration.group,  # it neither joins nor commits
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "error_cb": lambda _: None,
            },
            logger=silent("seal.client"),
        )
        self._name_of = {f"{configuration.prefix}{topic}": topic for topic in (*SEALED, _ERASURES)}

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def run(self, is_stopping: Callable[[], bool], begun: Callable[[], None] = lambda: None) -> None:
        """Seal until it is to stop, a head at the beginning of each hour. ``begun`` is called once it reads."""
        self._store.lock()
        self._assign()
        self._skip()
        begun()
        last = self._store.last_head()
        made_at = last.made_at if last is not None else 0  # the first at once: it shows that the key is right
        while not is_stopping():
            self._append()
            if _is_due(now_ms(), made_at):
                self._topic_ids.refuse_others(self._topics())  # no head is to cover records of another
                made_at = self._heads.sign(self._trees).made_at
            self._look()

    def once(self) -> Head:
        """Sign a head over what the topics hold by now: sealed here, or by the process that seals already."""
        try:
            self._store.lock()
        except LockedError:
            self._await_other()
        else:
            logs = self._assign()
            self._skip()
            for _ in self._ending(logs, self._append):
                self._look()
            self._skip()
        self._topic_ids.refuse_others(self._topics())
        return self._heads.sign(self._trees)

    def _ending(self, missing: set[Log], take: Callable[[], Iterable[Log]]) -> Iterator[None]:
        """Read until each of the logs has ended once, turn by turn: ``take`` returns those that ended.

        Raises `AwayError` where none of the others moves.
        """
        standstill = Standstill(self._progress.places(missing))
        while missing:
            missing -= {*take()}
            yield
            if standstill.seconds(self._progress.places(missing)) > _MOVE_SECONDS and missing:
                where = "-".join(map(str, min(missing)))
                raise AwayError(
                    "kafka", f"the broker has given nothing of {where} for {_MOVE_SECONDS:.0f} s, nor its end"
                )

    def _await_other(self) -> None:
        """Wait until the other process has sealed what the topics hold. Raises `LockedError` where it does not."""
        ends: dict[Log, int] = {}

        def take() -> Iterable[Log]:
            arrived = self._arrived()
            ends.update(((record.topic, record.partition), record.offset + 1) for record in arrived.records)
            return arrived.ended

        for _ in self._ending(self._assign(), take):
            pass
        places = self._unsealed(ends)
        standstill = Standstill(places)
        while places:
            self._trees |= self._store.trees()
            places = self._unsealed(ends)
            if standstill.seconds(places) > _OTHER_SECONDS:
                where = "-".join(map(str, min(places)))
                raise LockedError(f"another `ronde seal` writes this schema, and seals nothing of {where}: see its log")
            time.sleep(_POLL_SECONDS)

    def _unsealed(self, ends: Mapping[Log, int]) -> dict[Log, int]:
        """Return the logs that are not sealed up to these ends, and how far they are."""
        return {log: self._trees[log].next_offset for log, end in ends.items() if self._trees[log].next_offset < end}

    def _look(self) -> None:
        """From time to time, see whether Kafka and PostgreSQL answer; ask for the last head's stamp again."""
        show_lag(self.metrics, self._behind)
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._store.ping()
            topics = self._topics()
            self._check_partitions(topics)
            if self._name(_ERASURES) in topics and not self._has_erasures:  # a sink has just made it
                self._consumer.incremental_assign([self._erasures()])
            self._compare_ends(topics)
            self._skip()
        self._heads.stamp_again()

    def _skip(self) -> None:
        """Let each tree end where its log was read to: behind what is gone, and behind a transaction's marker.

        When retention deletes that, nothing more is gone. What is gone is counted once no other attempt finds it.
        """
        read = self._progress.places(self._trees)
        behind = {log: at for log, at in read.items() if self._trees[log].size and at > self._trees[log].next_offset}
        if behind:
            self._trees |= self._store.skip(self._trees, behind)
        topics = sorted({topic for topic, _ in self._gone})
        for topic in topics:  # a line for each partition might be too many at once
            gone = {number: bounds for (name, number), bounds in self._gone.items() if name == topic}
            self.metrics.missed.labels(topic).inc(sum(end - begin for begin, end in gone.values()))
            _log.error("records are gone that were never sealed", topic=self._name(topic), offsets=gone)
        self._gone.clear()

    # --- Kafka --------------------------------------------------------------------------------------

    def _assign(self) -> set[Log]:
        """Read each partition from where its tree ends, and the erasures from their beginning; return all logs."""
        topics = self._topics()
        self._check_partitions(topics)
        self._topic_ids.begin(topics)
        kept = self._store.trees()
        logs = {(topic, number) for topic in SEALED for number in range(self._configuration.partitions)}
        assigned = []
        for log in sorted(logs):
            tree = kept.get(log, TreeState(0, 0))
            # Where a log without a leader begins, nobody says now: once it has one, its client ends the session if it
            # does not have what comes next. The others do not wait for it.
            first = 0 if self._leader(log, topics) == _NOBODY else self._first(log, tree.next_offset)
            if tree.next_offset < first and tree.size:
                self._gone[log] = (tree.next_offset, first)
            self._trees[log] = tree
            begin = max(first, tree.next_offset)
            assigned.append(TopicPartition(self._name(log[0]), log[1], begin))
            self._progress.reach(log, begin)
        if self._name(_ERASURES) in topics:
            assigned.append(self._erasures())
            logs.add((_ERASURES, 0))
        self._consumer.assign(assigned)
        self._behind.begin(logs)
        return logs

    def _check_partitions(self, topics: Mapping[str, Any]) -> None:
        """Raise `SealError` where a topic has other partitions than the settings: none would seal the rest."""
        wanted = self._configuration.partitions
        for name in map(self._name, SEALED):
            found = topics.get(name)
            if found is not None and found.error is None and len(found.partitions) != wanted:
                raise SealError(
                    f"topic {name} has {len(found.partitions)} partitions, and topics.partitions is {wanted}: "
                    "see `ronde topics check`"
                )

    def _compare_ends(self, topics: Mapping[str, Any]) -> None:
        """See where there is more than was read. Raises `AwayError` where the client does not read it."""
        read = [*self._trees, *([(_ERASURES, 0)] if self._has_erasures else [])]
        led = [(self._name(log[0]), log[1]) for log in read if self._leader(log, topics) not in {None, _NOBODY}]
        try:
            answers = self._consumer.offsets_for_times([TopicPartition(*log, OFFSET_END) for log in led], _ENDS_SECONDS)
        except KafkaException:
            answers = []
        ends = {(self._name_of[one.topic], one.partition): one.offset for one in answers if one.error is None}
        for log in self._progress.behind(ends):
            self._behind.fall(log)
        still = self._progress.still()
        if still is not None:
            where = f"{self._name(still[0])}-{still[1]}"
            raise AwayError("kafka", f"there is more in {where}, and the client does not read it")

    def _topics(self) -> Mapping[str, Any]:
        try:
            found = kafka_answer(lambda: self._consumer.list_topics(timeout=_ASK_SECONDS), retriable_for(_ASK_SECONDS))
        except KafkaException as error:
            raise AwayError("kafka", f"the broker does not answer: {error.args[0].str()}") from None
        if not found.brokers:  # the client has forgotten all of them (`service.hearing`)
            raise AwayError("kafka", "the broker names no broker")
        topics: Mapping[str, Any] = found.topics
        return topics

    def _erasures(self) -> TopicPartition:
        self._has_erasures = True
        self._progress.reach((_ERASURES, 0), 0)
        return TopicPartition(self._name(_ERASURES), 0, OFFSET_BEGINNING)

    def _leader(self, log: Log, topics: Mapping[str, Any]) -> int | None:
        """Return the broker that leads a log, `_NOBODY`; None: the broker says nothing of the log."""
        found = topics.get(self._name(log[0]))
        return None if found is None or log[1] not in found.partitions else int(found.partitions[log[1]].leader)

    def _first(self, log: Log, sealed: int) -> int:
        """Return where a log begins. Raises `SealError` where it ends before ``sealed``, and goes on to.

        For a moment a broker that led it once, and does not know yet that another one does, may say so too.
        """
        give_up = time.monotonic() + _SHORTER_SECONDS
        while True:
            first, end = self._bounds(log)
            if end >= sealed:
                return first
            if time.monotonic() > give_up:
                raise SealError(
                    f"{self._name(log[0])}, partition {log[1]}: it is sealed up to offset {sealed}, and the topic ends"
                    f" at {end}: it has lost records. {ELSEWHERE}"
                )
            time.sleep(_POLL_SECONDS)
            self._topics()  # who leads is learnt with it

    def _bounds(self, log: Log) -> tuple[int, int]:
        partition = TopicPartition(self._name(log[0]), log[1])
        give_up = time.monotonic() + _ASK_SECONDS

        def ask() -> tuple[int, int]:
            bounds = self._consumer.get_watermark_offsets(partition, timeout=_ASK_SECONDS)
            assert bounds is not None, "it raises instead"
            return bounds

        try:
            return kafka_answer(ask, lambda _: time.monotonic() <= give_up)
        except KafkaException as error:
            why = f"the broker does not give the ends of {self._name(log[0])}: {error.args[0].str()}"
            raise AwayError("kafka", why) from None

    def _append(self) -> list[Log]:
        """Take what has arrived; return the logs that were read to their end."""
        records, erasures, ended = self._arrived()
        if records:
            self._seal(records)
        for value in erasures:  # behind the records: a secret that was made for them is kept by now
            self._erase(value)
        for log in ended:
            self._behind.reach(log)
        return ended

    def _arrived(self) -> Arrived:
        arrived = Arrived([], [], [])
        messages = self._consumer.consume(_BATCH, _POLL_SECONDS)
        if len(messages) == _BATCH:
            self._progress.wait()
        for message in messages:
            error = message.error()
            if error is not None and not message.topic():
                # As of the group, which it does not join.
                _log.warning("a Kafka client reports an error", error=error.name())
                continue
            topic = self._name_of[message.topic() or ""]
            log = (topic, cast("int", message.partition()))
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its name
                    self._progress.reach(log, cast("int", message.offset()))
                    arrived.ended.append(log)
                elif not error.retriable():
                    where = f"{message.topic()}-{message.partition()}"
                    raise AwayError("kafka", f"the broker does not give {where}: {error.str()}")
                continue
            self._progress.reach(log, cast("int", message.offset()) + 1)
            if log in arrived.ended:
                arrived.ended.remove(log)
            if topic == _ERASURES:
                arrived.erasures.append(message.value() or b"")
            else:
                place = (*log, cast("int", message.offset()), message.timestamp()[1])
                arrived.records.append(LogRecord(*place, message.key(), message.value(), headers_of(message)))
        return arrived

    def _seal(self, records: list[LogRecord]) -> None:
        try:
            parted = [self._commitments.parts(record) for record in records]
        except (RegistryNotSet, RegistryUnreachable) as error:
            raise AwayError("registry", str(error)) from None
        self._store.fetch([owner for parts in parted for owner in parts.owners])
        arrived: defaultdict[Log, list[Parts]] = defaultdict(list)
        for parts in parted:
            arrived[parts.place.topic, parts.place.partition].append(parts)
        self._topic_ids.keep(arrived.keys(), self._trees)
        seal = self._commitments.seal
        self._trees |= self._store.append(self._trees, {log: [*map(seal, of)] for log, of in arrived.items()})
        for log, of in arrived.items():
            self.metrics.records.labels(log[0]).inc(len(of))
            self._behind.fall(log)

    def _erase(self, value: bytes) -> None:
        erasure = erasure_of(value)
        if erasure is None:
            _log.error("a record of the erasures is none; nothing was erased for it")
        elif self._store.erase(*erasure):
            self.metrics.erasures.inc()

    def _name(self, topic: str) -> str:
        return f"{self._configuration.prefix}{topic}"


def _is_due(now: int, made_at: int) -> bool:
    """Whether an hour began since the last head was made; ms since 1970, UTC.

    Also where the clock has been set back by more than an hour since. By less, it comes round soon, and a clock that is
    set back a little at the full hour makes no two heads.
    """
    return now // _HOUR_MS > made_at // _HOUR_MS or made_at - now > _HOUR_MS


def show_lag(metrics: SealMetrics, behind: Behind) -> None:
    """Show how far each topic is behind."""
    for topic in SEALED:
        metrics.lag.labels(topic).set(behind.seconds(topic))
