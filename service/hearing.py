"""Whether any broker still answers a Kafka client.

A client that a broker answers without naming any, as a lone one does that was frozen and is fenced when it wakes up,
forgets all it knows and never asks again (librdkafka #5301). From within it looks like a Kafka that is away; a new
client finds out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

# For so long a client may have no answer before it is suspected: of outages, most are over by then.
SILENT_SECONDS: Final = 300.0
_QUIET_SECONDS: Final = 30.0  # a client that has brought nothing for so long is asked
ANSWER_SECONDS: Final = 1.0  # a thread that reads, and perhaps is to end, waits for the answer
# What was known of a client that was not asked for so long, as its thread is held up, is known no more.
_STALE_SECONDS: Final = 2.5 * _QUIET_SECONDS


def hears(client: Consumer | AdminClient, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether a broker tells the client of brokers in time."""
    try:
        return bool(client.list_topics(timeout=seconds).brokers)
    except KafkaException:
        return False


class Hearing:
    """What is known of one client. The thread that uses the client notes and asks; any other may read."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._heard_at = self._noted_at = steady()

    def note(self, *, is_answered: bool) -> None:
        """Note an answer, as any record is one, or a question without an answer."""
        now = self._steady()
        if is_answered:
            self._heard_at = now
        self._noted_at = now

    def ask(self, client: Consumer, seconds: float = ANSWER_SECONDS) -> None:
        """Ask the client, where nothing was noted for a while."""
        if self._steady() - self._noted_at >= _QUIET_SECONDS:
            self.note(is_answered=hears(client, seconds))

    @property
    def seconds(self) -> float:
        """So long no broker has answered; 0 where that is not known."""
        if self._steady() - self._noted_at > _STALE_SECONDS:
            return 0.0
        return max(self._noted_at - self._heard_at, 0.0)
