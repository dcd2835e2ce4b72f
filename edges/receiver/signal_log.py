"""What the `signals` topic says of earlier frames: it alone decides which copy of a frame was the first.

Every receiver reads the whole topic, its own records too, and each partition in its order. A receiver that wrote a
first copy waits until it has read it back before it writes the alerts: had another receiver written the same frame
just before, the alerts get that copy's ids, kind and time, and the engine drops them as duplicates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from edges.receiver.repeats import Copy, Entry, Identity, KeptEvent, Repeats
from edges.receiver.values import Signal

_REMEMBERED = frozenset({"ALERT", "SIGNAL", "REPEATED"})


class SignalLog:
    """Feeds `Repeats` with what is read, and wakes those who wait for a record of their own."""

    def __init__(self, repeats: Repeats) -> None:
        self._repeats = repeats
        self._waiting: dict[str, asyncio.Future[Copy | None]] = {}

    def take(self, signals: Iterable[Signal]) -> None:
        """Take records as they were read, each partition in its order."""
        for signal in signals:
            entry = entry_of(signal)
            copy = self._repeats.learn(entry) if entry is not None else None
            waiting = self._waiting.get(signal.signal_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(copy)

    def read_back(self, signal_id: str) -> asyncio.Future[Copy | None]:
        """The first copy, once a record is read that this receiver is about to write.

        Cancel it if the record is not written.
        """
        waiting: asyncio.Future[Copy | None] = asyncio.get_running_loop().create_future()
        self._waiting[signal_id] = waiting
        waiting.add_done_callback(lambda _: self._drop(signal_id, waiting))
        return waiting

    def _drop(self, signal_id: str, waiting: asyncio.Future[Copy | None]) -> None:
        if self._waiting.get(signal_id) is waiting:
            del self._waiting[signal_id]


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
