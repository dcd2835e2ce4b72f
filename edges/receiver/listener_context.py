"""What all connections and ports of a receiver share: the intake, the counts, and what is open and in work."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from edges.receiver.addresses import Addresses
    from edges.receiver.intake import Intake
    from edges.receiver.metrics import Closed, ReceiverMetrics


class Closable(Protocol):
    """An open connection.

    Attributes:
        heard_at: when bytes came last, on the monotonic clock.

    """

    heard_at: float

    def pause(self) -> None:
        """Read no more."""

    def close(self, reason: Closed) -> None:
        """Close it from this side."""


class ListenerContext:
    """The open connections and the frames in work, beside what each of them needs."""

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
