"""Panels that send as fast as they are answered, or at a rate; one process, its findings as JSON on standard output."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import Any, Final, NamedTuple

from edges.panel.messages import Panel, Said, frame_of
from edges.receiver.framing import CrcForm

LAST_NUMBER: Final = 9999


class Task(NamedTuple):
    """What to send.

    Attributes:
        depth: how many frames each panel has under way; ignored with a rate.
        rate: frames a second of all panels together; 0: as fast as they are answered.
        idle: connections more, on which nothing is sent.

    """

    port: int
    panels: int
    depth: int
    seconds: float
    rate: float
    idle: int
    key: str
    tls: bool


class _Line(asyncio.Protocol):
    """One panel: answers carry the number of their frame, in any order."""

    def __init__(self, account: str, key: bytes | None, waits: list[float]) -> None:
        self._panel = Panel(account, key=key, crc_form=CrcForm.HEX)
        self._sent: dict[bytes, float] = {}
        self._waits = waits
        self._number = 0
        self._rest = b""
        self.is_pipelining = False
        self.is_ended = False
        self.refused = 0
        self._tag = f"{time.time_ns() // 10**8 % 100:02d}"  # no frame is that of an earlier run

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def send(self) -> None:
        self._number = self._number % LAST_NUMBER + 1
        now = time.time_ns() // 1_000_000
        self._sent[b"%04d" % self._number] = time.perf_counter()
        self.transport.write(
            frame_of(self._panel, Said("130", f"{self._number % 1000:03d}", self._tag), self._number, now)
        )

    def data_received(self, data: bytes) -> None:
        *answers, self._rest = (self._rest + data).split(b"\r")
        now = time.perf_counter()
        for answer in answers:
            at = answer.find(b'ACK"')
            sent = self._sent.pop(answer[at + 4 : at + 8], None) if at >= 0 else None
            if sent is None:
                self.refused += 1
                continue
            self._waits.append(now - sent)
            if self.is_pipelining and not self.is_ended:
                self.send()

    @property
    def unanswered(self) -> int:
        return len(self._sent)


async def send(task: Task) -> dict[str, Any]:
    """Send, and sum up."""
    loop = asyncio.get_running_loop()
    context = None
    if task.tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    waits: list[float] = []
    key = bytes.fromhex(task.key) if task.key else None
    lines = []
    for number in range(task.panels):
        _, line = await loop.create_connection(
            lambda n=number: _Line(account(n), key, waits), "127.0.0.1", task.port, ssl=context
        )
        lines.append(line)
    idle = [
        await loop.create_connection(asyncio.Protocol, "127.0.0.1", task.port, ssl=context) for _ in range(task.idle)
    ]
    began = time.perf_counter()
    if task.rate:
        sent = 0
        while (elapsed := time.perf_counter() - began) < task.seconds:
            while sent < elapsed * task.rate:
                lines[sent % len(lines)].send()
                sent += 1
            await asyncio.sleep(0.002)
    else:
        for line in lines:
            line.is_pipelining = True
            for _ in range(task.depth):
                line.send()
        await asyncio.sleep(task.seconds)
    seconds = time.perf_counter() - began
    for line in lines:
        line.is_ended = True
    answered = len(waits)
    await asyncio.sleep(0.5 if not task.rate else 3.0)
    in_order = sorted(waits)
    result = {
        "frames_per_second": round(answered / seconds, 1),
        "p50_ms": round(in_order[len(in_order) // 2] * 1000, 1) if in_order else None,
        "p99_ms": round(in_order[len(in_order) * 99 // 100] * 1000, 1) if in_order else None,
        "acknowledged": len(waits),
        "unanswered": sum(line.unanswered for line in lines),
        "refused": sum(line.refused for line in lines),
    }
    for transport, _ in idle:
        transport.close()
    for line in lines:
        line.transport.close()
    return result


def account(number: int) -> str:
    """The account of a panel."""
    return f"B{number:05d}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(send(Task(**json.loads(sys.argv[1]))))) + "\n")
