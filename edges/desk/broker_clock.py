"""The broker's clock, as far as a desk can tell: by its own claims, which the broker stamped between two moments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

TOLERATED_MS: Final = 2000
# A bound is believed for so long: clocks are corrected, and other brokers lead.
_KEPT_MS: Final = 10 * 60 * 1000


class BrokerClock:
    """Unix milliseconds; without any claim of our own, our own clock."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._offset = 0
        self._width = _KEPT_MS
        self._at = 0

    def now(self) -> int:
        """What the broker's clock shows."""
        return self._own() + self._offset

    def learn(self, stamped: int, sent_at: int) -> None:
        """Take a claim that we sent at ``sent_at`` (our clock), the broker stamped, and we have just read."""
        read_at = self._own()
        width = read_at - sent_at
        if width <= self._width or read_at - self._at > _KEPT_MS:
            self._width, self._at = max(width, 0), read_at
            self._offset = stamped - (sent_at + read_at) // 2

    @property
    def differs_ms(self) -> int:
        """By how much our clock is certainly wrong (positive: it is behind); 0 within `TOLERATED_MS`."""
        certain = abs(self._offset) - self._width // 2
        return self._offset if self._at and certain > TOLERATED_MS else 0

    def _own(self) -> int:
        return int(self._clock() * 1000)
