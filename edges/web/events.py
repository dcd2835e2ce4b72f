"""Live pages: server-sent events, from one channel to many browsers.

A page says behind which event it was drawn (`Channel.last_id`), and its stream begins there. A browser that comes back
sends the id of the last event it had (`Last-Event-ID`) and gets those since. Where they are no longer kept, or were
another process's, it gets `reset` and has to load its page's data again. A browser that takes events more slowly than
they come is cut off, and comes back in the same way: it neither holds others up nor fills the memory.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NamedTuple

import orjson
from fastapi import Request
from starlette.responses import StreamingResponse

from edges.web.accounts import Person
from edges.web.problems import Problem
from edges.web.tokens import Machine

HEARTBEAT_SECONDS: Final = 5.0  # so often who listens is looked at, too
KEPT: Final = 1000
QUEUED: Final = 256
PAUSES: Final = 3
LONGEST_PAUSE_SECONDS: Final = 0.25
_LONGEST_NUMBER: Final = 18  # digits; Python makes no number of more than 4,300
_SIGNED_OUT: Final = frozenset({401, 403})


class _Event(NamedTuple):
    number: int
    text: bytes


class _Client:
    """One browser: pieces of its stream that wait to be written, and who waits for the next one."""

    __slots__ = ("is_over", "pieces", "waiter")

    def __init__(self) -> None:
        self.pieces: deque[bytes] = deque()
        self.is_over = False
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def end(self) -> None:
        self.is_over = True
        self.wake()


class Channel:
    """Events in order; each has an id of this channel.

    Args:
        kept: how many events a browser that comes back may have missed.
        queued: how many pieces may wait for a browser before it is cut off.
        gather: seconds; what is published within them of a write is written at once, to all, as the same bytes. Where
            the writes to all take long, the pause grows, so that they leave the loop its time. 0: each for itself.

    """

    def __init__(self, kept: int = KEPT, queued: int = QUEUED, gather: float = 0) -> None:
        self._name = secrets.token_hex(4)  # ids of another process, or of the one before, mean nothing here
        self._numbers = itertools.count(1)
        self._kept: deque[_Event] = deque(maxlen=kept)
        self._newest = 0
        self._queued = queued
        self._gather = gather
        self._gathered: list[bytes] = []  # published, not yet handed to the clients
        self._flush_timer: asyncio.TimerHandle | None = None  # until then, events are gathered
        self._clients: set[_Client] = set()
        self._is_closed = False

    @property
    def clients(self) -> int:
        """How many browsers listen."""
        return len(self._clients)

    @property
    def last_id(self) -> str:
        """Of the last event that is kept for who comes later."""
        return f"{self._name}-{self._newest}"

    def publish(self, name: str, data: Any, *, is_kept: bool = True) -> None:
        """Send an event to all who listen; ``data`` becomes JSON.

        Who comes later does not get one that is not kept: it would say of now what was so once. It has the id of the
        one before it.
        """
        if is_kept:
            self._newest = next(self._numbers)
        text = f"id: {self.last_id}\nevent: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"
        if is_kept:
            self._kept.append(_Event(self._newest, text))
        if not self._clients:
            return
        self._gathered.append(text)
        if not self._gather:
            self._hand_out()
        elif self._flush_timer is None:
            self._flush()

    def close(self) -> None:
        """End all streams, and those that come."""
        self._is_closed = True
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._hand_out()
        for client in self._clients:
            client.end()
        self._clients.clear()

    async def listen(self, last_id: str | None, heartbeat: float) -> AsyncIterator[bytes | None]:
        """Events as bytes, one or several in a piece; None once in ``heartbeat`` seconds; ends with the channel."""
        self._hand_out()  # to those who listen already: the new client gets what is kept
        client = _Client()
        missed = self._since(last_id)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(heartbeat, client.wake)
        if not self._is_closed:
            self._clients.add(client)
        try:
            if missed is None:
                yield f"id: {self.last_id}\nevent: reset\ndata: {{}}\n\n".encode()
            for event in missed or ():
                yield event.text
            while not self._is_closed or client.pieces:
                if client.pieces:
                    yield client.pieces.popleft()
                    continue
                if client.is_over:
                    return
                if loop.time() >= timer.when():
                    timer = loop.call_later(heartbeat, client.wake)
                    yield None
                    continue
                client.waiter = loop.create_future()
                await client.waiter
        finally:
            timer.cancel()
            self._clients.discard(client)

    def _flush(self) -> None:
        """Hand out what was gathered, and gather until the writes of that have had their pause."""
        self._flush_timer = None
        if not self._gathered:
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._flush_timer = loop.call_later(self._gather, self._flush)
        self._hand_out()
        loop.call_soon(self._pause, began)  # runs when all clients had their turn

    def _pause(self, began: float) -> None:
        """Put the next write off by as much as the last one took, `PAUSES` times."""
        now = asyncio.get_running_loop().time()
        timer, pause = self._flush_timer, min(PAUSES * (now - began), LONGEST_PAUSE_SECONDS)
        if timer is not None and now + pause > timer.when():
            timer.cancel()
            self._flush_timer = asyncio.get_running_loop().call_later(pause, self._flush)

    def _hand_out(self) -> None:
        piece = b"".join(self._gathered)
        self._gathered.clear()
        for client in list(self._clients) if piece else ():
            if len(client.pieces) >= self._queued:
                self._clients.discard(client)
                client.end()
            else:
                client.pieces.append(piece)
                client.wake()

    def _since(self, last_id: str | None) -> list[_Event] | None:
        """The events after an id; None where some of them are not known."""
        if not last_id:
            return []
        name, _, digits = last_id.rpartition("-")
        if name != self._name or not digits.isdecimal() or len(digits) > _LONGEST_NUMBER:
            return None
        number = int(digits)
        oldest = self._kept[0].number if self._kept else self._newest + 1
        if not oldest - 1 <= number <= self._newest:
            return None
        return [event for event in self._kept if event.number > number]


def event_stream(
    request: Request,
    channel: Channel,
    look: Callable[[Request], Awaitable[Person | Machine]],
    heartbeat: float = HEARTBEAT_SECONDS,
    since: str | None = None,
) -> StreamingResponse:
    """Return the answer that streams a channel, from the event on that the browser had, or else from behind ``since``.

    It ends with the session, the role or the token of who asked: once ``look`` says so. Where that cannot be read now,
    it is looked at again with the next heartbeat.
    """
    last_id = request.headers.get("last-event-id") or since

    async def stream() -> AsyncIterator[bytes]:
        looked = time.monotonic()
        yield b"retry: 1000\n\n"
        async for event in channel.listen(last_id, heartbeat):
            if time.monotonic() - looked >= heartbeat or event is None:
                looked = time.monotonic()
                try:
                    await look(request)
                except Problem as problem:
                    if problem.kind.status in _SIGNED_OUT:
                        yield b"event: signed-out\ndata: {}\n\n"
                        return
            yield event if event is not None else b":\n\n"

    return StreamingResponse(
        stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
