"""What all of a receiver's connections share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from edges.receiver import frame

if TYPE_CHECKING:
    from edges.receiver.addresses import Addresses
    from edges.receiver.framing import CheckedFrame, FrameDefect
    from edges.receiver.intake import Intake
    from edges.receiver.metrics import Closed, ReceiverMetrics


NOT_DC09_IN_A_ROW: Final = 16


class Speech:
    """What somebody sends, as long as it is DC-09.

    Attributes:
        is_foreign: so many pieces in a row were none that no more is listened to.

    """

    def __init__(self) -> None:
        self.is_foreign = False
        self._not_dc09 = 0

    def heard(self, cuts: Iterable[CheckedFrame | FrameDefect]) -> list[CheckedFrame | FrameDefect]:
        """The cuts, up to the last that is listened to: each costs, and a piece may have thousands."""
        heard = []
        for cut in cuts:
            heard.append(cut)
            self._not_dc09 = 0 if frame.is_dc09(cut) else self._not_dc09 + 1
            if self._not_dc09 >= NOT_DC09_IN_A_ROW:
                self.is_foreign = True
                break
        return heard


class Closable(Protocol):
    """An open connection.

    Attributes:
        heard_at: when bytes came last, on the monotonic clock.

    """

    heard_at: float

    def hold(self) -> None:
        """Read no more."""

    def close(self, reason: Closed) -> None:
        """Close it from this side."""


class Lines:
    """The open connections, and the frames in work."""

    def __init__(self, intake: Intake, addresses: Addresses, metrics: ReceiverMetrics) -> None:
        self.intake = intake
        self.addresses = addresses
        self.metrics = metrics
        self.connections: set[Closable] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin the work on a frame, which calls `end`."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)

    def end(self) -> None:
        """End the work on a frame; called in its task, as a callback at its end would take another turn of the loop."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.discard(task)
