"""`python -m benchmarks.desk`: a desk's start and memory, its event streams, and `take`, on a broker of its own.

A line of JSON each. ``--quick`` takes a hundredth of the sites and decisions, and a tenth of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from confluent_kafka import Producer

from benchmarks.broker import broker
from benchmarks.desk_memory import DECISIONS, SCHEMAS, records, site
from benchmarks.receiver.__main__ import Process
from edges.web import tokens
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.records import encode
from schemas.contract.murmur2 import partition
from streams.kafka.topics import create
from streams.settings import load as load_settings

PARTITIONS: Final = 6
OPEN: Final = 20_000
STREAMS: Final = 200
READ: Final = 5  # of the streams, whose events are taken apart; the others are only received
RATE: Final = 50  # calls a second
CALL_MS: Final = 120_000
FLUSH_SECONDS: Final = 600


class Kafka:
    """Writes what the engine and the portal would."""

    def __init__(self, settings: WholeSettings) -> None:
        self._settings = settings
        self._producer = Producer(
            {**settings.client("producer"), "linger.ms": 1, "acks": "all", "queue.buffering.max.messages": 200_000}
        )

    def put(self, topic: str, key: str, value: bytes, on_delivery: Any = None) -> None:
        """Write a record, as soon as there is room."""
        while True:
            try:
                self._producer.produce(
                    self._settings.topic(topic),
                    value,
                    key,
                    partition=partition(key.encode(), PARTITIONS),
                    on_delivery=on_delivery,
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait for all."""
        assert self._producer.flush(FLUSH_SECONDS) == 0


def fill(kafka: Kafka, sites: int, decisions: int, open_incidents: int) -> None:
    """Sites, and incidents of `DECISIONS` decisions each, of which so many are still open."""
    for number in range(sites):
        kafka.put("sites", f"site-{number:07d}", site(number))
    kafka.flush()
    incidents = max(decisions // DECISIONS, open_incidents)
    for number in range(incidents):
        last: dict[str, Any] = {}
        for topic, value in records(number):
            kafka.put(topic, value["site_id"], encode(SCHEMAS[topic], value))
            last = value if topic == "decisions" else last
        if number < incidents - open_incidents:
            version = DECISIONS + 1
            closed = last | {
                "version": version,
                "decision_id": f"{last['incident_id']}-v{version}",
                "phase_to": "CLOSED",
            }
            kafka.put("decisions", closed["site_id"], encode("Decision", closed | {"outputs": [], "deadline": None}))
    kafka.flush()


def call(number: int) -> dict[str, Any]:
    """A call of an incident of its own, from now on."""
    incident, now = f"{1 << 40 | number:024x}", time.time_ns() // 1_000_000
    _, value = next(record for record in records(number) if record[0] == "calls")
    return value | {
        "incident_id": incident, "command_id": f"{incident}-c1.1", "issued_at": now, "expires_at": now + CALL_MS,
        "site_id": f"bench-{number}",
    }  # fmt: skip


class Measured:
    """When each call was readable, and when a stream showed it; seconds of each `take`."""

    def __init__(self) -> None:
        self.readable: dict[str, float] = {}
        self.shown: list[tuple[str, float]] = []
        self.takes: list[float] = []


async def listen(address: str, token: str, measured: Measured | None) -> None:
    """One stream, for as long as it is let."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = f"GET /v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(request.encode())
    try:
        if measured is None:
            while await reader.read(65_536):
                pass
        is_work = False
        async for line in reader:
            if line.startswith(b"event: "):
                is_work = line == b"event: work\n"
            elif is_work and measured is not None and line.startswith(b"data: "):
                measured.shown.append((json.loads(line[6:])["subject"], time.monotonic()))
    finally:
        writer.close()


async def work(kafka: Kafka, address: str, token: str, seconds: float) -> Measured:
    """Calls at `RATE`, each seen on the streams, and each taken once."""
    measured = Measured()
    streams = [
        asyncio.create_task(listen(address, token, measured if number < READ else None)) for number in range(STREAMS)
    ]
    await asyncio.sleep(1.0)
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        takes = []

        async def take(subject: str) -> None:
            await asyncio.sleep(0.5)  # an operator sees it first
            began = time.monotonic()
            answer = await client.post(f"/v1/work/{subject}/take")
            measured.takes.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text

        began = time.monotonic()
        for number in range(int(seconds * RATE)):
            value = call(number)
            subject = value["command_id"]

            def delivered(error: Any, _message: Any, subject: str = subject) -> None:
                assert error is None, error
                measured.readable[subject] = time.monotonic()

            kafka.put("calls", value["site_id"], encode("CallCommand", value), delivered)
            takes.append(asyncio.create_task(take(subject)))
            while (left := began + (number + 1) / RATE - time.monotonic()) > 0:
                await asyncio.sleep(min(left, 0.002))
                kafka._producer.poll(0)  # noqa: SLF001 - deliveries are noticed as they come
        await asyncio.gather(*takes)
    kafka.flush()
    await asyncio.sleep(1.0)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return measured


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds)
    return {f"p{share}_ms": round(1000 * ordered[len(ordered) * share // 100], 1) for share in (50, 99)}


def first_shown(measured: Measured) -> Iterator[float]:
    """Of each of the streams that are read: from when a call was readable to its first event."""
    counted: dict[str, int] = {}
    for subject, at in measured.shown:
        counted[subject] = counted.get(subject, 0) + 1
        if counted[subject] <= READ and subject in measured.readable:
            yield max(0.0, at - measured.readable[subject])


def say(**line: Any) -> None:
    """Print a line."""
    sys.stdout.write(json.dumps({**line, "load": round(os.getloadavg()[0], 1)}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    count, seconds = (10_000, 6.0) if quick else (1_000_000, 60.0)
    open_incidents = OPEN // 100 if quick else OPEN
    with broker() as node, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        token = tokens.add(folder / "tokens.json", "bench", ("desk",))
        environ = {
            "RONDE_KAFKA__BOOTSTRAP_SERVERS": node.address,
            "RONDE_TOPICS__PARTITIONS": str(PARTITIONS),
            "RONDE_DESK__PORT": "0",
            "RONDE_DESK__PAGES_PORT": "0",
            "RONDE_DESK__DATA_DIR": str(folder / "desk"),
            "RONDE_WEB__TOKENS_FILE": str(folder / "tokens.json"),
            "RONDE_WEB__USERS_FILE": str(folder / "users.json"),
            "RONDE_WEB__SESSION_KEY": "of a benchmark, which signs nobody in",
        }
        settings = load_settings(None, environ, WholeSettings)
        create(settings)
        kafka = Kafka(settings)
        fill(kafka, count, count, open_incidents)
        log = folder / "desk.log"
        desk = Process(["-c", "from ronde.cli import main; main()", "desk"], log, environ, "desk listens")
        try:
            say(
                name=f"start: {count} sites, {count} decisions, {open_incidents} open incidents",
                ready_seconds=desk.ready_seconds,
                memory_mib=desk.memory_mib(),
            )
            line = next(line for line in log.read_text().splitlines() if "desk listens" in line)
            measured = asyncio.run(work(kafka, json.loads(line)["address"], token, seconds))
            calls = len(measured.readable)
            say(name=f"a call on {STREAMS} streams, {RATE} a second", calls=calls, **percentiles(first_shown(measured)))
            say(name="take", takes=len(measured.takes), **percentiles(measured.takes))
            say(name="afterwards", memory_mib=desk.memory_mib(), cpu_seconds=round(desk.cpu_seconds(), 1))
        finally:
            desk.end()


if __name__ == "__main__":
    main()
