"""The librdkafka clients of the edges: how each is set up, and why.

The user's properties (`[kafka]` in the settings) stand above what is about speed, and below what is about truth.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Producer

from edges.settings import Connection, Properties
from schemas.contract.topics import INPUT_BYTES, RECEIVED_BYTES
from service.logs import logger

_log = logger(__name__)

_LOG_SECONDS: Final = 60.0  # one kind of error is logged at most so often
# Room for the largest record with its key, for requests and their answers.
_LARGEST_MESSAGE: Final = INPUT_BYTES + 100_000

# A broker that is back is found so soon, by readers too: they must be back before those who write have given them up.
_BACK_MS: Final = 500
# A broker that hangs is given up after it, and its partitions' new leaders are read and written to; librdkafka's
# default is a minute. A large answer takes seconds.
_HANGS_MS: Final = 10_000
# For so long a leader may wait for its followers before it answers; it then is asked again. librdkafka has five writes
# under way to a broker, which answers one after the other: all five answers fit into the time after which it hangs.
_ANSWER_MS: Final = 1_900
_UNDER_WAY: Final = 5
_LONGEST_MS: Final = 300_000  # that librdkafka takes
_READ_FAST: Final[dict[str, Any]] = {
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 16_384,
    # A full queue is looked at again so soon: after the usual second it has long been empty.
    "fetch.queue.backoff.ms": 20,
    "fetch.wait.max.ms": 100,
    "receive.message.max.bytes": RECEIVED_BYTES,
    "socket.timeout.ms": _HANGS_MS,
}
_WRITE_FAST: Final[dict[str, Any]] = {
    "linger.ms": 2,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 1_000_000,
    "retry.backoff.ms": 50,
    "request.timeout.ms": _ANSWER_MS,
}


def producer(connection: Connection, on_error: Callable[[KafkaError], None]) -> Producer:
    """An idempotent producer that never gives a record up by itself.

    A message that timed out in librdkafka would make it wait for every request under way, to all brokers, before it
    writes anything again: a broker that hangs would stop all partitions. So time-outs are the caller's.
    """
    return Producer(
        {
            **_back_fast(connection.producer),
            **_WRITE_FAST,
            **_given_up(connection.producer),
            **connection.producer,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": 0,
            "message.max.bytes": _LARGEST_MESSAGE,
            "partitioner": "murmur2_random",  # every record names its partition; nobody else may choose another
            "error_cb": _reporting("producer", on_error),
        },
        logger=logging.getLogger("librdkafka"),
    )


def reader(
    connection: Connection, *, isolation: str = "read_committed", more: Mapping[str, Any] = MappingProxyType({})
) -> Consumer:
    """A consumer of assigned partitions, in no group: it subscribes to nothing and commits nothing by itself.

    By ``isolation`` a log ends at its last stable offset, or (``read_uncommitted``) at its high watermark. A position
    that the broker does not have (the log was cut or made again) goes back to the first offset.
    """
    return Consumer(
        {
            **_back_fast(connection.consumer),
            **_READ_FAST,
            **connection.consumer,
            "group.id": connection.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "error_cb": _reporting("reader", lambda _: None),
            **more,
        },
        logger=logging.getLogger("librdkafka"),
    )


def _back_fast(properties: Properties) -> dict[str, Any]:
    """The longest wait before a broker is tried again; librdkafka takes none below the user's shortest."""
    return {"reconnect.backoff.max.ms": max(_BACK_MS, int(properties.get("reconnect.backoff.ms", 0)))}


def _given_up(properties: Properties) -> dict[str, Any]:
    """After what a broker hangs for a writer: not before it may have answered by the user's properties."""
    answers = _UNDER_WAY * int(properties.get("request.timeout.ms", _ANSWER_MS))
    return {"socket.timeout.ms": min(max(_HANGS_MS, answers), _LONGEST_MS)}


def _reporting(client: str, on_error: Callable[[KafkaError], None]) -> Callable[[KafkaError], None]:
    """Log what a client reports of its connections; it goes on trying by itself."""
    logged: dict[str, float] = {}

    def report(error: KafkaError) -> None:
        on_error(error)
        now = time.monotonic()
        if now - logged.get(error.name(), -_LOG_SECONDS) >= _LOG_SECONDS:
            logged[error.name()] = now
            _log.warning("a Kafka client reports an error", client=client, error=error.name())

    return report
