"""What one network address may have: so many sockets, and so many frames a minute that are unknown or refused.

Of IPv6 a /64 counts as one address, as one customer has all of it.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from edges.network import network_of

STRANGE_FRAMES: Final = 10  # a minute are recorded and answered; more get silence
_WINDOW_SECONDS: Final = 60.0
_MOST_ADDRESSES: Final = 10_000  # remembered for their frames; beyond, those longest quiet go


class Addresses:
    """Counts by address. Times are seconds of one steady clock."""

    def __init__(self, sockets: int) -> None:
        self._most_sockets = sockets
        self._sockets: Counter[str] = Counter()
        self._strange: dict[str, deque[float]] = {}  # the last frames, those longest quiet first

    def open(self, address: str) -> bool:
        """Count a socket; False: the address has as many as it may, and this one is not counted."""
        network = network_of(address)
        if self._sockets[network] >= self._most_sockets:
            return False
        self._sockets[network] += 1
        return True

    def close(self, address: str) -> None:
        """Count a socket off."""
        network = network_of(address)
        self._sockets[network] -= 1
        if self._sockets[network] <= 0:
            del self._sockets[network]

    def admits_strange(self, address: str, now: float) -> bool:
        """Count an unknown or refused frame; False: it is one too many within a minute."""
        network = network_of(address)
        frames = self._strange.pop(network, None)
        if frames is None:
            frames = deque(maxlen=STRANGE_FRAMES + 1)
            while len(self._strange) >= _MOST_ADDRESSES:
                del self._strange[next(iter(self._strange))]
        frames.append(now)
        self._strange[network] = frames
        return len(frames) <= STRANGE_FRAMES or now - frames[0] > _WINDOW_SECONDS
