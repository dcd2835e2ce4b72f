"""Frames by UDP: one or more a datagram, answered to where they came from."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, cast

from edges.receiver import faults
from edges.receiver.framing import CheckedFrame, FrameDefect, Framer, Tolerance
from edges.receiver.intake import Arrival
from edges.receiver.protocol_check import ProtocolCheck
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.receiver.listener_context import ListenerContext

# Frames that wait for room; UDP cannot be held back, so that more are dropped, and their panels send them again. Those
# that have room are bounded by it, each partition's by its own.
_WAITING: Final = 2000


class Datagrams(asyncio.DatagramProtocol):
    """The receiver's UDP port."""

    def __init__(self, context: ListenerContext) -> None:
        self._context = context
        self._waiting = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # it is none by its bases

    def connection_lost(self, _error: Exception | None) -> None:
        """End; answers have nowhere to go."""
        self._transport = None

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        """Take its frames; behind what is another protocol, none."""
        arrival = Arrival(now_ms(), time.monotonic(), peer[0])
        framer = Framer()
        cuts = ProtocolCheck().admitted(framer.feed(data))
        self._count_tolerated(cuts, framer)
        for cut in (*cuts, *framer.close()):
            if isinstance(cut, FrameDefect):
                self._send(self._context.intake.answer_to_defect(cut, arrival), peer)
            else:
                self._context.start(self._take(cut, arrival, peer))

    def _count_tolerated(self, cuts: list[CheckedFrame | FrameDefect], framer: Framer) -> None:
        """Count what only the datagram as a whole shows."""
        tolerated = self._context.metrics.tolerated
        if len(cuts) > 1:
            tolerated[Tolerance.SEVERAL_FRAMES].inc(sum(isinstance(cut, CheckedFrame) for cut in cuts))
        if framer.has_nul:
            tolerated[Tolerance.NUL_AFTER_CR].inc()

    def pause(self) -> None:
        """Count a frame that waits for room. Raises TimeoutError where too many do: nothing holds datagrams back."""
        if self._waiting >= _WAITING:
            self._context.metrics.dropped.inc()
            raise TimeoutError
        self._waiting += 1

    def resume(self) -> None:
        """See `pause`."""
        self._waiting -= 1

    async def _take(self, checked: CheckedFrame, arrival: Arrival, peer: tuple[str, int]) -> None:
        try:
            self._send(await self._context.intake.answer_to(checked, arrival, self), peer)
        finally:
            self._context.end()

    def _send(self, answer: bytes | None, peer: tuple[str, int]) -> None:
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, peer)
            faults.at("after_answer")
