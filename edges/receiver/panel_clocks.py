"""Whose clock is wrong, a panel's or ours: an encrypted frame says the time of its panel.

One panel's clock may show anything. Where most panels' clocks are far from ours, ours is the wrong one: their frames
are answered by a NAK, and a panel that sets its clock by that is then refused by all other receivers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from statistics import median
from typing import Final, NamedTuple

# An encrypted frame's time may be so far from ours: a recorded one, sent again, is older.
OLDEST_MS: Final = -40_000
NEWEST_MS: Final = 20_000
_KEPT_SECONDS: Final = 15 * 60.0
_FEWEST: Final = 3
_MOST: Final = 200  # the last panels say enough


class PanelClock(NamedTuple):
    """By how many milliseconds an account's clock is ahead of this machine's."""

    account: str
    ahead_ms: int

    @property
    def is_ours(self) -> bool:
        """Whether the two differ by no more than frames may."""
        return OLDEST_MS <= self.ahead_ms <= NEWEST_MS


class PanelClocks:
    """What the last encrypted frame of each of the last accounts said, for a quarter of an hour."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._clocks: OrderedDict[str, tuple[float, PanelClock]] = OrderedDict()  # the one longest silent first

    def hear(self, clock: PanelClock) -> None:
        """Take what a frame says that has just come."""
        self._clocks[clock.account] = self._monotonic(), clock
        self._clocks.move_to_end(clock.account)
        if len(self._clocks) > _MOST:
            self._clocks.popitem(last=False)

    @property
    def differ_ms(self) -> int:
        """By how much most are ahead of this machine's, more than frames may be; 0: they are not, or are too few."""
        oldest = self._monotonic() - _KEPT_SECONDS
        while self._clocks and next(iter(self._clocks.values()))[0] < oldest:
            self._clocks.popitem(last=False)
        if len(self._clocks) < _FEWEST:
            return 0
        middle = PanelClock("", int(median(clock.ahead_ms for _, clock in self._clocks.values())))
        return 0 if middle.is_ours else middle.ahead_ms
