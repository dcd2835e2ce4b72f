"""The broker's clock, as far as a desk can tell: by its own claims, which the broker stamped between two moments.

Between claims it goes on by this machine's monotonic clock, so nobody who sets the machine's clock moves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

TOLERATED_MS: Final = 2000
_LATE_MS: Final = 20_000  # a record that has just been read may be older than our time by so much, and no doubt
# A bound is believed for so long: clocks are corrected, and other brokers lead.
_KEPT_MS: Final = 10 * 60 * 1000


class BrokerClock:
    """Unix milliseconds; without any claim of our own, our own clock."""

    def __init__(self, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead: int | None = None  # of the monotonic clock
        self._width = 0
        self._at = 0
        self._doubted_at: int | None = None  # when a doubt was last to be settled
        self._is_doubted = True  # records that come are no sign of a clock that is a little ahead: each may be late

    def now(self) -> int:
        """What the broker's clock shows."""
        return self._own() if self._ahead is None else self.moment() + self._ahead

    def moment(self) -> int:
        """A moment for `learn`, in milliseconds of the monotonic clock."""
        return int(self._monotonic() * 1000)

    def learn(self, stamped: int, sent_at: int) -> None:
        """Take a claim that we sent at the moment ``sent_at``, the broker stamped, and we have just read."""
        read_at = self.moment()
        width = read_at - sent_at
        ahead = stamped - (sent_at + read_at) // 2
        self._is_doubted = False
        if (
            self._ahead is None
            or width <= self._width
            or read_at - self._at > _KEPT_MS
            or abs(ahead - self._ahead) > (width + self._width) // 2 + 1  # a clock was set, or this machine slept
        ):
            self._ahead, self._width, self._at = ahead, width, read_at

    def hear(self, stamped: int) -> None:
        """Take the timestamp of a record that has just come: one that is far from our time is a doubt."""
        if not -_LATE_MS <= stamped - self.now() <= TOLERATED_MS:
            self.doubt()

    def doubt(self) -> None:
        """Have the clock measured, at most once in ten minutes."""
        if self._doubted_at is None or self.moment() - self._doubted_at > _KEPT_MS:
            self._doubted_at = self.moment()
            self._is_doubted = True

    @property
    def is_doubted(self) -> bool:
        """Whether a claim of our own is to be written, to learn the time."""
        return self._is_doubted

    @property
    def differs_ms(self) -> int:
        """By how much our clock is certainly wrong (positive: it is behind); 0 within `TOLERATED_MS`."""
        if self._ahead is None:
            return 0
        differs = self.now() - self._own()
        return differs if abs(differs) - self._width // 2 > TOLERATED_MS else 0

    def _own(self) -> int:
        return int(self._clock() * 1000)
