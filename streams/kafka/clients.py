"""The Kafka clients of a worker: how each is set up, and why (architecture.md §2, §3).

The user's properties stand below ours: what exactly-once or co-partitioning depends on is not the user's to
set (`service.client_properties`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are documented there
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.contract.topics import OWN_BYTES, RECEIVED_BYTES, BrokerLog
from service.hearing import hears
from service.logs import logger
from service.silence import silent
from streams.kafka.admin import AWAY

if TYPE_CHECKING:
    from streams.observe.metrics import Metrics
    from streams.settings import Settings

_log = logger(__name__)

# Room for the largest record with its key and headers, for requests and their answers.
_LARGEST_MESSAGE: Final = OWN_BYTES + 100_000

_ASK_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 1.0  # after which a client that has not kept to its time never will
_OFFSETS_SECONDS: Final = 2.0  # a thread waits for it, and one that ends waits for the thread

# The user may replace these (`[kafka]` in the settings): they are about speed and memory, not about truth.
_CONSUMER_SPEED: Final[dict[str, Any]] = {
    "queued.min.messages": 200_000,
    # A partition that goes to work waits for the fetch under way to end before it is in the next one.
    "fetch.wait.max.ms": 100,
    # A full queue is looked at again so soon: a restore would have emptied it long before the usual second is over.
    "fetch.queue.backoff.ms": 20,
    "receive.message.max.bytes": RECEIVED_BYTES,
}
_PRODUCER_SPEED: Final[dict[str, Any]] = {
    "linger.ms": 5,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 1_000_000,
    # The default of 100 ms tripled the p99 of the latency: a commit meets "concurrent transactions" and waits it out.
    "retry.backoff.ms": 5,
}


def consumer(settings: Settings, metrics: Metrics) -> Consumer:
    """The worker's consumer of the inputs.

    Offsets go with the transaction alone. Where a partition begins is the worker's to say: a position that the
    broker does not know is an error, or a lost log would be taken for a new one and alarm everybody again.
    """
    worker = settings.worker
    if worker.group_protocol == "consumer":
        group: dict[str, Any] = {"group.protocol": "consumer", "group.remote.assignor": "range"}
    else:
        group = {
            "partition.assignment.strategy": "range",
            "session.timeout.ms": worker.session_timeout_ms,
            "heartbeat.interval.ms": _heartbeat_ms(worker.session_timeout_ms),
        }
    return Consumer(
        {
            **_CONSUMER_SPEED,
            **settings.client("consumer"),
            **group,
            "group.id": worker.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "error_cb": _report("consumer", metrics),
        },
        logger=logging.getLogger("librdkafka"),
    )


def restorer(settings: Settings, metrics: Metrics, isolation: str = "read_committed") -> Consumer:
    """A consumer that reads partitions, or asks where they end, outside of the group's assignments.

    By ``isolation`` a log ends at its last stable offset, or (``read_uncommitted``) at its high watermark.
    """
    return Consumer(
        {
            **_CONSUMER_SPEED,
            **settings.client("consumer"),
            "group.id": settings.worker.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "error_cb": _report("restorer", metrics),
        },
        logger=logging.getLogger("librdkafka"),
    )


def producer(settings: Settings, metrics: Metrics) -> Producer:
    """The worker's transactional producer.

    Its id is the worker's own and stable, so that a restart ends the transaction of the life before at once.
    """
    worker = settings.worker
    return Producer(
        {
            **_PRODUCER_SPEED,
            **settings.client("producer"),
            "transactional.id": f"{worker.group}-{worker.id}",
            "transaction.timeout.ms": worker.transaction_timeout_ms,
            "message.max.bytes": _LARGEST_MESSAGE,
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            "error_cb": _report("producer", metrics),
        },
        logger=logging.getLogger("librdkafka"),
    )


def offsets(consumer: Consumer, logs: Iterable[BrokerLog], which: int) -> dict[BrokerLog, int]:
    """Return where logs begin (`OFFSET_BEGINNING`) or end (`OFFSET_END`).

    A consumer is asked: librdkafka's admin client may end the process when the broker goes away (librdkafka #4605).
    Raises `KafkaException`: the broker does not say, within two seconds.
    """
    try:
        found = consumer.offsets_for_times([TopicPartition(*log, which) for log in logs], _OFFSETS_SECONDS)
    except KafkaException:
        refresh(consumer)
        raise
    if refused := [log.error for log in found if log.error is not None]:
        refresh(consumer)
        raise KafkaException(refused[0])
    return {BrokerLog((log.topic, log.partition)): log.offset for log in found}


def refresh(client: Consumer) -> bool:
    """Let a client learn again which broker leads each partition; False: the broker does not answer.

    Once a broker was away, a client may be refused as one of an old leader epoch (`FENCED_LEADER_EPOCH`), and not
    ask again by itself for five minutes (`topic.metadata.refresh.interval.ms`).
    """
    try:
        client.list_topics(timeout=_OFFSETS_SECONDS)
    except KafkaException:
        return False
    return True


def partition_counts(client: Consumer) -> dict[str, int]:
    """The number of partitions of each topic on the broker. Raises `KafkaException`: the broker does not say."""
    topics = client.list_topics(timeout=_OFFSETS_SECONDS).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def answers(settings: Settings) -> bool:
    """Whether the broker answers a client that is made for this one question.

    The worker's own may not find back to a broker that was away, and then would say that it still is.
    """
    try:
        _asking(settings).list_topics(settings.topic("state"), timeout=_ASK_SECONDS)
    except KafkaException:
        return False
    return True


def answers_as_quickly(settings: Settings) -> bool:
    """Whether a new client has an answer in the time in which the others must have theirs (`service.hearing`)."""
    try:
        return hears(_asking(settings))
    except KafkaException:  # there is none to be had: a file of its settings is being replaced, or there are no threads
        return False


def _asking(settings: Settings) -> AdminClient:
    """A client for one question, as it keeps what is never answered, and may end the process for it (librdkafka #4605).

    It is silent: the others report that the broker is away.
    """
    properties: dict[str, Any] = {**settings.client("admin"), "error_cb": lambda _: None}
    return AdminClient(properties, logger=silent("streams.kafka.asking"))


def hasten_group(settings: Settings) -> bool:
    """Set when a silent worker counts as dead, which under the new protocol is the group's to know.

    With it goes how often workers and broker talk, and so how fast partitions move: heartbeats of a second make
    a rebalance of a second. A broker may forbid it (`group.consumer.min.session.timeout.ms`): then its own holds.
    False: the broker does not answer.
    """
    worker = settings.worker
    if worker.group_protocol != "consumer":
        return True
    wanted = {
        "consumer.session.timeout.ms": worker.session_timeout_ms,
        "consumer.heartbeat.interval.ms": _heartbeat_ms(worker.session_timeout_ms),
    }
    entries = [
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET) for name, value in wanted.items()
    ]
    group = ConfigResource(ResourceType.GROUP, worker.group, incremental_configs=entries)
    client = _asking(settings)
    for answer in client.incremental_alter_configs([group], request_timeout=_ASK_SECONDS).values():
        try:
            # Not `result`: the error that it raises holds this frame, and the answer holds the error: the client
            # would live as long as the worker, and might end it when the broker comes back (librdkafka #4605).
            raised = answer.exception(_ASK_SECONDS + _GRACE_SECONDS)
        except TimeoutError:  # it may never be answered when the broker goes away (librdkafka #3663): ask again
            return False
        if isinstance(raised, KafkaException):
            error: KafkaError = raised.args[0]
            if error.retriable() or error.name() in AWAY:
                return False
            _log.warning(
                "the broker keeps its own group.consumer.session.timeout.ms: worker.session_timeout_ms is not used",
                error=error.name(),
            )
        elif raised is not None:
            raise raised
    return True


def _heartbeat_ms(session_timeout_ms: int) -> int:
    """A sixth of the session's time-out: some may be lost."""
    return max(session_timeout_ms // 6, 100)


def _report(client: str, metrics: Metrics) -> Callable[[KafkaError], None]:
    """Count and log what a client reports of its connections; it goes on trying by itself."""

    def report(error: KafkaError) -> None:
        metrics.kafka_errors.labels(error.name()).inc()
        _log.warning("a Kafka client reports an error", client=client, error=error.name())

    return report
