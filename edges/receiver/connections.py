"""Panels' connections, over TCP and TLS: bytes in, frames to the intake, answers out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from edges.receiver import faults
from edges.receiver.framing import CheckedFrame, FrameDefect, Framer, Tolerance
from edges.receiver.intake import Arrival
from edges.receiver.metrics import Closed, Transport
from edges.receiver.protocol_check import ProtocolCheck
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.receiver.listener_context import ListenerContext

# Frames of one connection in work; more stay in the socket.
_IN_WORK: Final = 32
# One for all: asyncio fills it and has it read in one step. A view, as asyncio's TLS reads into slices of it.
_BUFFER: Final = memoryview(bytearray(16 * 1024))


class Connection(asyncio.BufferedProtocol):
    """One panel's connection, or that of what passes the frames of many on.

    Attributes:
        is_made: it has begun, and what counts it for its address is taken off as it ends.

    """

    def __init__(self, context: ListenerContext, transport: Transport, *, is_counted: bool = False) -> None:
        """``is_counted``: it counts as a socket of its address already."""
        self._context = context
        self._kind = transport
        self._is_counted = is_counted
        self._framer = Framer()
        self._cuts: deque[tuple[CheckedFrame | FrameDefect, Arrival]] = deque()
        self._in_work = 0
        self._pauses = 0
        self._is_paused = False
        self._protocol_check = ProtocolCheck()
        self._address = ""
        self._transport: asyncio.Transport | None = None
        self._is_ending = False
        self.is_made = False
        self.heard_at = 0.0

    # --- asyncio's ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it, unless its address has as many as it may."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is none by its bases
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        if not self._is_counted and not self._context.addresses.open(self._address):
            self._context.metrics.closed[Closed.TOO_MANY_SOCKETS].inc()
            transport.abort()
            return
        self._transport = transport
        self.is_made = True
        self.heard_at = time.monotonic()
        self._context.connections.add(self)
        self._context.metrics.sockets[self._kind].inc()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget it; frames in work are kept all the same, though nobody gets their answers."""
        if self._transport is None:
            return
        if self._framer.has_nul:
            self._context.metrics.tolerated[Tolerance.NUL_AFTER_CR].inc()
        self._transport = None
        self._cuts.clear()
        self._context.connections.discard(self)
        self._context.addresses.close(self._address)
        self._context.metrics.sockets[self._kind].dec()

    def get_buffer(self, _size: int) -> memoryview:
        """Where the next bytes go."""
        return _BUFFER

    def buffer_updated(self, size: int) -> None:
        """Cut the bytes into frames."""
        if self._transport is None or self._protocol_check.is_foreign:
            return
        self.heard_at = since = time.monotonic()
        arrival = Arrival(now_ms(), since, self._address)
        is_in_pieces = self._framer.has_rest
        cuts = self._protocol_check.admitted(self._framer.feed(bytes(_BUFFER[:size])))
        if cuts:
            tolerated = self._context.metrics.tolerated
            if is_in_pieces and isinstance(cuts[0], CheckedFrame):
                tolerated[Tolerance.IN_PIECES].inc()
            if len(cuts) > 1:
                tolerated[Tolerance.SEVERAL_FRAMES].inc(sum(isinstance(cut, CheckedFrame) for cut in cuts))
            self._cuts.extend((cut, arrival) for cut in cuts)
        self._work()

    def eof_received(self) -> bool:
        """Keep the other half open until the answers of what came before are sent."""
        if not self._cuts and not self._in_work:
            return False
        self._is_ending = True
        return self._kind is not Transport.TLS  # which has no half

    def pause_writing(self) -> None:
        """Read no more from a panel that does not read its answers."""
        self.pause()

    def resume_writing(self) -> None:
        """Read on."""
        self.resume()

    # --- reading --------------------------------------------------------------------------------

    def pause(self) -> None:
        """Read no more, and begin no more frames, until as many `resume` as `pause` were called."""
        self._pauses += 1
        self._update_reading()

    def resume(self) -> None:
        """See `pause`."""
        self._pauses -= 1
        self._work()

    def _update_reading(self) -> None:
        """Read from the socket exactly while frames are begun."""
        is_full = self._pauses > 0 or self._in_work >= _IN_WORK or bool(self._cuts)
        if self._transport is None or is_full is self._is_paused or self._transport.is_closing():
            return
        self._is_paused = is_full
        if is_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # --- frames ---------------------------------------------------------------------------------

    def _work(self) -> None:
        """Begin what there is room for."""
        while self._cuts and not self._pauses and self._in_work < _IN_WORK and self._transport is not None:
            cut, arrival = self._cuts.popleft()
            if isinstance(cut, FrameDefect):
                self._send(self._context.intake.answer_to_defect(cut, arrival))
                continue
            self._in_work += 1
            self._context.start(self._take(cut, arrival))
        if self._protocol_check.is_foreign and not self._cuts and not self._in_work:
            self.close(Closed.NOT_DC09)
        self._update_reading()
        if self._is_ending and not self._cuts and not self._in_work and self._transport is not None:
            self._transport.close()

    async def _take(self, checked: CheckedFrame, arrival: Arrival) -> None:
        try:
            self._send(await self._context.intake.answer_to(checked, arrival, self))
        finally:
            self._context.end()
            self._in_work -= 1
            self._work()

    def _send(self, answer: bytes | None) -> None:
        if answer is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)
            faults.at("after_answer")

    def close(self, reason: Closed) -> None:
        """Close it from this side, once what was written is sent; as idle a second time: without that."""
        if self._transport is None:
            return
        if not self._transport.is_closing():
            self._context.metrics.closed[reason].inc()
            self._cuts.clear()
            self._transport.close()
        elif reason is Closed.IDLE:
            self._transport.abort()  # its panel reads nothing, or is gone
