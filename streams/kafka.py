"""The Kafka clients of a worker: how each is set up, and why (architecture.md §2, §3).

The user's properties stand below ours: what exactly-once or co-partitioning depends on is not the user's to
set (`streams.client_properties`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are documented there
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.topics import OWN_BYTES
from streams.admin import AWAY
from streams.logs import logger

if TYPE_CHECKING:
    from streams.metrics import Metrics
    from streams.settings import Settings

_log = logger(__name__)

# Room for the largest record with its key and headers, for requests and their answers.
_LARGEST_MESSAGE: Final = OWN_BYTES + 100_000

_ASK_SECONDS: Final = 5.0

# The user may replace these (`[kafka]` in the settings): they are about speed, not about truth.
_CONSUMER_SPEED: Final[dict[str, Any]] = {
    "queued.min.messages": 200_000,
    # A partition that goes to work waits for the fetch under way to end before it is in the next one.
    "fetch.wait.max.ms": 100,
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


def restorer(settings: Settings, metrics: Metrics) -> Consumer:
    """A consumer that reads partitions from their beginning to their end, outside of the group's assignments."""
    return Consumer(
        {
            **_CONSUMER_SPEED,
            **settings.client("consumer"),
            "group.id": settings.worker.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
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


def admin(settings: Settings, metrics: Metrics) -> AdminClient:
    """A client that asks for offsets."""
    properties: dict[str, Any] = {**settings.client("admin"), "error_cb": _report("admin", metrics)}
    return AdminClient(properties, logger=logging.getLogger("librdkafka"))


def refresh(admin: AdminClient) -> bool:
    """Have an admin client learn anew who leads which partition; False: the broker does not answer.

    Once a broker was away, the client is refused as one of an old leader epoch (`FENCED_LEADER_EPOCH`), and does
    not ask again by itself for five minutes (`topic.metadata.refresh.interval.ms`), as a consumer would.
    """
    try:
        admin.list_topics(timeout=_ASK_SECONDS)
    except KafkaException:
        return False
    return True


def hasten_group(admin: AdminClient, settings: Settings) -> bool:
    """Tell the broker when a silent worker counts as dead, which under the new protocol is the group's to know.

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
    for answer in admin.incremental_alter_configs([group], request_timeout=_ASK_SECONDS).values():
        try:
            answer.result()
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.retriable() or error.name() in AWAY:
                return False
            _log.warning(
                "the broker keeps its own group.consumer.session.timeout.ms: worker.session_timeout_ms is not used",
                error=error.name(),
            )
    return True


def _heartbeat_ms(session_timeout_ms: int) -> int:
    """A sixth of the session's time-out: some may be lost."""
    return max(session_timeout_ms // 6, 100)


def _report(client: str, metrics: Metrics) -> Callable[[KafkaError], None]:
    """What a client tells of its connections; it goes on trying by itself."""

    def report(error: KafkaError) -> None:
        metrics.kafka_errors.labels(error.name()).inc()
        _log.warning("a Kafka client reports an error", client=client, error=error.name())

    return report
