"""The question whether Kafka takes anything now, put so that only an acknowledgement answers it.

Once a second, while nothing else is acknowledged, this process commits offset 0 of a topic for a group that nobody
reads in. A commit is a record of Kafka's own topic of offsets, written by the same rules as ours (by all replicas in
sync), so its answer says more than metadata would: brokers that cannot write still answer those. It needs no right that
a reader has not, leaves no record in the topics of the contract, and costs one small request.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from edges.kafka import clients
from edges.kafka.renewal import RenewedReader

if TYPE_CHECKING:
    from edges.settings import Connection

_BEAT_SECONDS: Final = 1.0
_LOST_SECONDS: Final = 5.0  # a question without an answer for so long is asked again
_SOCKET_MS: Final = 3000


class Pulse:
    """Asks whether Kafka takes anything now. One thread uses it."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._place = TopicPartition(connection.topic(topic), 0, 0)
        more: dict[str, Any] = {"on_commit": self._hear, "socket.timeout.ms": _SOCKET_MS}
        self._reader = RenewedReader(partial(clients.reader, connection, more=more), self._give_up)
        self._asked_at = float("-inf")
        self._is_asking = False
        self._answered_at = float("-inf")
        self._heard_at = float("-inf")  # of a broker, if only that it refuses

    def beat(self, acknowledged_at: float) -> float:
        """Ask if it is time to; when Kafka acknowledged something last, this or ``acknowledged_at`` (monotonic)."""
        self._reader.client.poll(0)
        now = time.monotonic()
        last = max(acknowledged_at, self._answered_at)
        if now - max(last, self._heard_at) < _LOST_SECONDS:
            self._reader.answered()
        else:
            self._reader.unanswered()
        patience = _LOST_SECONDS if self._is_asking else _BEAT_SECONDS
        if now - max(last, self._asked_at) >= patience:
            self._asked_at = now
            try:
                self._reader.client.commit(offsets=[self._place], asynchronous=True)
                self._is_asking = True
            except KafkaException:
                self._is_asking = False
        return last

    def close(self) -> None:
        """End the client."""
        self._reader.client.close()

    def _give_up(self, former: Consumer) -> None:
        # Its close waits for a commit under way, which may never end.
        threading.Thread(target=former.close, name="kafka-pulse-close", daemon=True).start()
        self._is_asking = False

    def _hear(self, error: KafkaError | None, _: list[TopicPartition]) -> None:
        self._is_asking = False
        if error is None:
            self._answered_at = time.monotonic()
        elif error.code() > 0:  # a broker's; librdkafka's own are below
            self._heard_at = time.monotonic()
