"""Live pages: server-sent events, from one channel to many browsers.

A browser that comes back sends the id of the last event it had (`Last-Event-ID`) and gets those since. Where they are
no longer kept, or were another process's, it gets `reset` and has to load its page's data again. A browser that takes
events more slowly than they come is cut off, and comes back in the same way: it neither holds others up nor fills the
memory.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import orjson
from fastapi import Request
from starlette.responses import StreamingResponse

from edges.web.callers import People
from edges.web.problems import Problem

HEARTBEAT_SECONDS: Final = 5.0  # so often the session is looked at, too
KEPT: Final = 1000
QUEUED: Final = 256
GATHER_SECONDS: Final = 0.04  # events that follow within it are written at once: a write costs more than an event


class _Event(NamedTuple):
    number: int
    text: bytes


class Channel:
    """Events in order; each has an id of this channel."""

    def __init__(self, kept: int = KEPT, queued: int = QUEUED) -> None:
        self._name = secrets.token_hex(4)  # ids of another process, or of the one before, mean nothing here
        self._numbers = itertools.count(1)
        self._kept: deque[_Event] = deque(maxlen=kept)
        self._newest = 0
        self._queued = queued
        self._clients: set[asyncio.Queue[_Event | None]] = set()
        self._is_closed = False

    @property
    def clients(self) -> int:
        """How many browsers listen."""
        return len(self._clients)

    def publish(self, name: str, data: Any) -> None:
        """Send an event to all who listen; ``data`` becomes JSON."""
        number = next(self._numbers)
        text = f"id: {self._name}-{number}\nevent: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"
        event = _Event(number, text)
        self._kept.append(event)
        self._newest = number
        for queue in list(self._clients):
            if queue.full():
                self._clients.discard(queue)
                _end(queue)
            else:
                queue.put_nowait(event)

    def close(self) -> None:
        """End all streams, and those that come."""
        self._is_closed = True
        for queue in self._clients:
            _end(queue)
        self._clients.clear()

    async def listen(
        self, last_id: str | None, heartbeat: float, gather: float | None = None
    ) -> AsyncIterator[bytes | None]:
        """Events as bytes, None each time that nothing came for ``heartbeat`` seconds; ends with the channel.

        ``gather``: events that follow one within so many seconds come together with it; None: each for itself.
        """
        queue: asyncio.Queue[_Event | None] = asyncio.Queue(self._queued)
        missed = self._since(last_id)
        self._clients.add(queue)
        try:
            if missed is None:
                yield f"id: {self._name}-{self._newest}\nevent: reset\ndata: {{}}\n\n".encode()
            for event in missed or ():
                yield event.text
            while not self._is_closed:
                try:
                    event_or_end = await asyncio.wait_for(queue.get(), heartbeat)
                except TimeoutError:
                    yield None
                    continue
                if event_or_end is None:
                    return
                if gather is None:
                    yield event_or_end.text
                    continue
                await asyncio.sleep(gather)
                texts, is_over = [event_or_end.text], False
                while not is_over and not queue.empty():
                    more = queue.get_nowait()
                    is_over = more is None
                    texts += [] if more is None else [more.text]
                yield b"".join(texts)
                if is_over:
                    return
        finally:
            self._clients.discard(queue)

    def _since(self, last_id: str | None) -> list[_Event] | None:
        """The events after an id; None where some of them are not known."""
        if not last_id:
            return []
        name, _, digits = last_id.rpartition("-")
        if name != self._name or not digits.isdecimal():
            return None
        number = int(digits)
        oldest = self._kept[0].number if self._kept else self._newest + 1
        if not oldest - 1 <= number <= self._newest:
            return None
        return [event for event in self._kept if event.number > number]


def event_stream(
    request: Request, channel: Channel, people: People | None, heartbeat: float = HEARTBEAT_SECONDS
) -> StreamingResponse:
    """Return the answer that streams a channel; with people it ends with the session of who asked."""
    last_id = request.headers.get("last-event-id")

    async def stream() -> AsyncIterator[bytes]:
        looked = time.monotonic()
        yield b"retry: 1000\n\n"
        async for event in channel.listen(last_id, heartbeat, GATHER_SECONDS):
            if time.monotonic() - looked >= heartbeat or event is None:
                looked = time.monotonic()
                if people is not None and not await _is_signed_in(request, people):
                    yield b"event: signed-out\ndata: {}\n\n"
                    return
            yield event if event is not None else b":\n\n"

    return StreamingResponse(
        stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


async def _is_signed_in(request: Request, people: People) -> bool:
    try:
        return await people.of(request) is not None
    except Problem:
        return False


def _end(queue: asyncio.Queue[_Event | None]) -> None:
    while True:
        try:
            queue.put_nowait(None)
        except asyncio.QueueFull:
            queue.get_nowait()
        else:
            return
