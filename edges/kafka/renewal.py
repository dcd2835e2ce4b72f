"""When a client whose questions nobody answers gives way to another one.

A client that a broker answers without naming any, as a lone one does that was frozen and is fenced when it wakes up,
forgets all it knows and never asks again (librdkafka #5301). From within it looks like a Kafka that is away. Another
client finds out; it harms nobody where nothing was written by the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from confluent_kafka import Consumer, KafkaException

UNANSWERED_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 600.0  # while Kafka is away, another client finds no more


class Renewal:
    """Judges one client by its answers. Used by one thread at a time."""

    def __init__(self) -> None:
        self._since: float | None = None  # the first question without an answer
        self._patience = UNANSWERED_SECONDS

    def answered(self) -> None:
        """Note an answer."""
        self._since, self._patience = None, UNANSWERED_SECONDS

    def is_due(self) -> bool:
        """Whether to take another client now: asked at each question without an answer. Less and less often it is."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since < self._patience:
            return False
        self._since, self._patience = now, min(2 * self._patience, LONGEST_SECONDS)
        return True


class RenewedReader(Renewal):
    """A reader and its renewal; ``client`` is the one to ask. What is given up goes to ``close``, else it is closed."""

    def __init__(self, make: Callable[[], Consumer], close: Callable[[Consumer], object] | None = None) -> None:
        super().__init__()
        self.client = make()
        self._make, self._close = make, close or (lambda former: former.close())

    def unanswered(self) -> bool:
        """Whether another client is due, asked as `is_due` is; it has taken the place of this one if it can be made."""
        if not self.is_due():
            return False
        with suppress(KafkaException):  # certificates that are just being replaced
            made = self._make()
            self._close(self.client)
            self.client = made
        return True
