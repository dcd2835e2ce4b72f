"""Read the topics in order, append each record's leaf to its partition's tree, and sign a head an hour."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from seal import keys, stamps
from seal.commitments import SEALED, Commitments, Leaf
from seal.errors import SealError
from seal.settings import SealConfiguration
from seal.store import Head, Log, Store, TreeState, body_of
from service.patience import kafka_answer
from service.registry import Registry, client

_ERASURES: Final = "erasures"
_BATCH: Final = 2000
_POLL_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 10.0
_HOUR_MS: Final = 3_600_000
_log = logging.getLogger("seal")


class SealedRecord(NamedTuple):
    """A record as it lies in its topic, without the prefix."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


class Sealing:
    """Seals. Raises `SealError`, and what `Store` raises; a broker that is away is waited for."""

    def __init__(self, configuration: SealConfiguration, store: Store) -> None:
        self._configuration = configuration
        self._store = store
        self._key = keys.load(configuration.seal.key_file)
        registry = None
        if configuration.registry_url is not None:
            registry = Registry(client(configuration.registry_url), configuration.seal.data_dir)
        self._commitments = Commitments(self._new_secret, None if registry is None else registry.schema)
        self._trees: dict[Log, TreeState] = {}
        self._consumer = Consumer(
            {
                **configuration.consumer,
                "group.id": f"{configuration.prefix}seal",  # it neither joins nor commits
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "error_cb": lambda _: None,
            },
            logger=logging.Logger("seal.client", level=logging.CRITICAL + 1),
        )

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Seal until it is to stop, a head at the beginning of each hour."""
        self._store.lock()
        self._assign()
        last = self._store.last_head()
        made_at = last.made_at if last is not None else now_ms()
        while not is_stopping():
            self._append()
            if now_ms() // _HOUR_MS > made_at // _HOUR_MS:
                made_at = self.head().made_at

    def once(self) -> Head:
        """Seal what the topics hold by now, and sign a head."""
        self._store.lock()
        missing = self._assign()
        while missing:
            missing -= {*self._append()}
        return self.head()

    def head(self) -> Head:
        """Sign a head over all trees as they are, and stamp it if an authority is set."""
        last = self._store.last_head()
        number, previous = (last.number + 1, last.digest) if last is not None else (1, "")
        made_at = now_ms()
        at = datetime.fromtimestamp(made_at // 1000, UTC).isoformat().replace("+00:00", "Z")
        trees = [
            (*log, tree.size, tree.next_offset, self._store.tree(log).root(tree.size).hex())
            for log, tree in self._trees.items()
        ]
        body = body_of(number, at, keys.public_hex(self._key), previous, trees)
        digest = hashlib.sha256(body.encode()).hexdigest()
        head = Head(number, made_at, body, digest, self._key.sign(body.encode()), self._stamp(digest))
        self._store.keep_head(head)
        _log.info("signed head %s, SHA-256 %s", number, digest)
        return head

    def _stamp(self, digest: str) -> bytes | None:
        url = self._configuration.seal.stamp_url
        if url is None:
            return None
        try:
            return stamps.stamp(url, bytes.fromhex(digest))
        except SealError as error:
            _log.error("%s; the head is kept without a stamp", error)
            return None

    def _new_secret(self, site_id: str, contact_id: str, timestamp: int) -> bytes | None:
        return self._store.secret(site_id, contact_id, timestamp, is_new=True)

    # --- Kafka --------------------------------------------------------------------------------------

    def _assign(self) -> set[Log]:
        """Read each partition from where its tree ends, and the erasures from their beginning; return all logs."""
        kept = self._store.trees()
        logs = [(topic, number) for topic in SEALED for number in range(self._configuration.partitions)]
        assigned = []
        for log in logs:
            tree = kept.get(log, TreeState(0, 0))
            first, end = self._bounds(log)
            if tree.next_offset > end:
                raise SealError(f"{log[0]}-{log[1]} ends at {end}, before what is sealed: was the topic made again?")
            if tree.next_offset < first and tree.size:
                _log.error("%s-%s: offsets %s to %s are gone unsealed", *log, tree.next_offset, first)
            self._trees[log] = tree
            assigned.append(TopicPartition(self._name(log[0]), log[1], max(first, tree.next_offset)))
        erasures = self._name(_ERASURES)
        if erasures in self._consumer.list_topics(timeout=_ASK_SECONDS).topics:
            assigned.append(TopicPartition(erasures, 0, OFFSET_BEGINNING))
            logs.append((_ERASURES, 0))
        self._consumer.assign(assigned)
        return set(logs)

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
            why = error.args[0].str()
            raise SealError(f"the broker does not give the ends of {self._name(log[0])}: {why}") from None

    def _append(self) -> list[Log]:
        """Take what has arrived; return the logs that were read to their end."""
        ended: list[Log] = []
        arrived: defaultdict[Log, list[Leaf]] = defaultdict(list)
        erasures: list[bytes] = []
        for message in self._consumer.consume(_BATCH, _POLL_SECONDS):
            log = ((message.topic() or "").removeprefix(self._configuration.prefix), cast("int", message.partition()))
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its name
                    ended.append(log)
                elif not error.retriable():
                    raise SealError(f"the broker does not give {message.topic()}: {error.str()}")
            elif log[0] == _ERASURES:
                erasures.append(message.value() or b"")
            else:
                record = SealedRecord(
                    *log,
                    cast("int", message.offset()),
                    message.timestamp()[1],
                    message.key(),
                    message.value(),
                    message.headers(),
                )
                arrived[log].append(self._commitments.leaf(record))
        for log, leaves in arrived.items():
            self._trees[log] = self._store.add(log, self._trees[log], leaves, leaves[-1].place.offset + 1)
        for value in erasures:
            self._erase(value)
        return ended

    def _erase(self, value: bytes) -> None:
        try:
            fields = json.loads(value)
            at = datetime.fromisoformat(fields["erased_at"])
        except (ValueError, KeyError, TypeError):
            _log.error("a record of %s is no erasure", self._name(_ERASURES))
            return
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        self._store.erase(fields.get("site_id", ""), fields.get("contact_id", ""), int(at.timestamp() * 1000))

    def _name(self, topic: str) -> str:
        return f"{self._configuration.prefix}{topic}"
