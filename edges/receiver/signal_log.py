"""`SignalLog`: the `signals` topic as it is read, and which of this receiver's own signals are not read back yet.

The topic alone decides which copy of a frame was the first. Every receiver reads the whole of it, its own records too,
and each partition in its order. A receiver that wrote a first copy waits until it has read it back before it writes the
alerts: had another receiver written the same frame just before, the alerts get that copy's ids, kind and time, and the
engine drops them as duplicates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from edges.receiver.repeats import Copy, Entry, Identity, KeptEvent, Repeats
from edges.values import Signal
from service.clock import now_ms

_REMEMBERED = frozenset({"ALERT", "SIGNAL", "REPEATED"})


class PendingSignal:
    """A record that this receiver writes, until it is read back or given up.

    Futures are made for those who wait alone, and nothing is called back through the loop: that would cost as much as
    judging the frame.

    Attributes:
        copy: the first copy, once the record is read back.
        is_over: it was read back, or given up.

    """

    __slots__ = ("_at_end", "_waiting", "copy", "is_over")

    def __init__(self, at_end: Callable[[], None]) -> None:
        """``at_end`` is called once, as this ends."""
        self._at_end = at_end
        self._waiting: list[asyncio.Future[None]] = []
        self.copy: Copy | None = None
        self.is_over = False

    def end(self, copy: Copy | None) -> None:
        """Wake those who wait."""
        self.copy, self.is_over = copy, True
        self._at_end()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def ended(self) -> asyncio.Future[None]:
        """A future of the caller's own, done at the end, which `is_over` says is still to come."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(ended)
        return ended


class SignalLog:
    """Feeds `Repeats` with what is read, and ends the pending signals of this receiver's own records."""

    def __init__(self, repeats: Repeats) -> None:
        self._repeats = repeats
        self._pending: dict[str, PendingSignal] = {}

    def take(self, signals: Iterable[Signal]) -> None:
        """Take records as they were read, each partition in its order."""
        now = now_ms()
        for signal in signals:
            entry = entry_of(signal)
            copy = self._repeats.learn(entry, now) if entry is not None else None
            pending = self._pending.pop(signal.signal_id, None)
            if pending is not None:
                pending.end(copy)

    def read_back(self, signal_id: str, at_end: Callable[[], None]) -> PendingSignal:
        """Wait for a record that this receiver is about to write; `give_up` if it is not written."""
        assert signal_id not in self._pending, signal_id
        pending = self._pending[signal_id] = PendingSignal(at_end)
        return pending

    def doubt(self, signals: Iterable[Signal]) -> None:
        """Remember a copy that Kafka has not acknowledged, though it will have it: what comes again is its repeat."""
        for signal in signals:
            entry = entry_of(signal)
            if entry is not None:
                self._repeats.doubt(entry)

    def give_up(self, signal_id: str) -> None:
        """End a pending signal without a copy, unless it has ended."""
        pending = self._pending.pop(signal_id, None)
        if pending is not None:
            pending.end(None)


def entry_of(signal: Signal) -> Entry | None:
    """What repeats are known by; None for a record that is no copy."""
    if signal.outcome not in _REMEMBERED or signal.protocol != "DC09" or signal.site_id is None:
        return None
    front = signal.signal_id.split("-", 3)
    number = signal.signal_id.rpartition("-")[2]
    if len(front) < 4 or not number.isdecimal() or signal.sequence is None or not signal.sequence.isdecimal():
        return None  # not written by a receiver
    return Entry(
        identity=Identity(signal.account, signal.sequence, front[2]),
        number=int(number),
        is_repeat=signal.outcome == "REPEATED",
        event=KeptEvent(signal.alert_id, signal.kind if signal.alert_id is not None else None),
        site_id=signal.site_id,
        raised_at=signal.received_at if signal.raised_at is None else signal.raised_at,
        at=signal.received_at,
    )
