"""Sends a panel's frames to a receiver and repeats each until it is acknowledged.

One frame is under way at a time, as panels do it. A repeat has the same number and body and a new time. After a NAK the
panel takes over the receiver's time; after a DUH it gives up, as the receiver will never take the frame.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, cast

from edges.panel.messages import Answer, Panel, Said, answer_of, frame_of, number_of
from edges.receiver.frame import NotDc09Error, UnopenedError
from edges.receiver.framing import CheckedFrame, Framer
from service.clock import now_ms

LAST_NUMBER: Final = 9999


class Transport(StrEnum):
    """How frames travel."""

    TCP = "tcp"
    UDP = "udp"
    TLS = "tls"


class Way(NamedTuple):
    """Where a panel's frames go. ``tls`` is for `Transport.TLS` alone."""

    host: str
    port: int
    transport: Transport = Transport.TCP
    tls: ssl.SSLContext | None = None


class Outcome(NamedTuple):
    """How a signal ended.

    Attributes:
        answer: the last one; None: none came within all attempts.
        seconds: from the first frame to the answer, or to giving up.

    """

    answer: Answer | None
    attempts: int
    seconds: float

    @property
    def is_acknowledged(self) -> bool:
        """Whether the receiver has the signal."""
        return self.answer is not None and self.answer.kind == "ACK"


class _Line(Protocol):
    """A connection: sends bytes, receives pieces; OSError when it is gone."""

    async def send(self, data: bytes) -> None: ...
    async def receive(self) -> bytes: ...
    def close(self) -> None: ...


class Dialler:
    """One panel on one line; numbers its frames from ``sequence`` on."""

    def __init__(
        self,
        panel: Panel,
        way: Way,
        *,
        sequence: int = 1,
        wait_seconds: float = 5.0,
        attempts: int | None = None,
        now: Callable[[], int] = now_ms,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare; the first signal dials.

        ``attempts``: how often a frame is sent at the most; None: until it is answered. ``report`` takes the words of
        each error of the connection; silence is none.
        """
        self._panel = panel
        self._way = way
        self._sequence = sequence
        self._wait_seconds = wait_seconds
        self._attempts = attempts
        self._now = now
        self._report = report
        self._offset = 0  # of the receiver's clock, after a NAK
        self._line: _Line | None = None
        self._framer = Framer()

    async def send(self, said: Said) -> Outcome:
        """Send one signal until it is answered. Raises `NotASignalError`."""
        sequence = self._sequence
        frame_of(self._panel, said, sequence, self._now())  # raise before anything is sent
        self._sequence = sequence % LAST_NUMBER + 1
        begun = time.monotonic()
        attempts = 0
        answer = None
        has_time = False
        while self._attempts is None or attempts < self._attempts:
            attempts += 1
            until = asyncio.get_running_loop().time() + self._wait_seconds
            try:
                async with asyncio.timeout_at(until):
                    answer = await self._exchange(said, sequence)
            except OSError as error:
                if not isinstance(error, TimeoutError):
                    self._report(_words(error))
                self.close()
                await asyncio.sleep(max(min(until - asyncio.get_running_loop().time(), 1.0), 0))
                continue
            if answer.kind != "NAK":
                break
            if answer.time is not None:
                self._offset = answer.time - self._now()
            if has_time:  # with the receiver's time it is refused as before: as after silence
                await asyncio.sleep(max(until - asyncio.get_running_loop().time(), 0))
            has_time = True
        return Outcome(answer, attempts, time.monotonic() - begun)

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _exchange(self, said: Said, sequence: int) -> Answer:
        """Send a frame once; its answer. One to an earlier frame, that was sent twice, says nothing of this one."""
        if self._line is None:
            self._line, self._framer = await _dial(self._way), Framer()
        await self._line.send(frame_of(self._panel, said, sequence, self._now() + self._offset))
        while True:
            for cut in self._framer.feed(await self._line.receive()):
                if isinstance(cut, CheckedFrame):
                    try:
                        answer = answer_of(cut.content, self._panel.key)
                    except (NotDc09Error, UnopenedError):
                        continue
                    if answer.is_to(self._panel, number_of(said, sequence)):
                        return answer


def _words(error: OSError) -> str:
    """What went wrong; asyncio's own words of a refused connection name only the address."""
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno)
    return error.strerror or str(error)


async def _dial(way: Way) -> _Line:
    if way.transport is Transport.UDP:
        return await _Datagrams.open(way)
    reader, writer = await asyncio.open_connection(way.host, way.port, ssl=way.tls)
    return _Stream(reader, writer)


class _Stream:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> bytes:
        data = await self._reader.read(4096)
        if not data:
            raise ConnectionResetError("the receiver closed the connection")
        return data

    def close(self) -> None:
        self._writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._received: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, way: Way) -> _Datagrams:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_datagram_endpoint(cls, remote_addr=(way.host, way.port))
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's is none by its bases

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - of the interface
        self._received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self._received.put_nowait(exc)

    async def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data)

    async def receive(self) -> bytes:
        received = await self._received.get()
        if isinstance(received, Exception):
            raise received
        return received

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
