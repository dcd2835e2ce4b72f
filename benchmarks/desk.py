"""`python -m benchmarks.desk`: a desk's start and memory, its event streams, and `take`, on a broker of its own.

A line of JSON each. ``--quick`` takes a hundredth of the sites and decisions, and a tenth of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import psutil
from confluent_kafka import Producer

from benchmarks.broker import Broker, broker
from benchmarks.desk_memory import DECISIONS, SCHEMAS, records, site
from benchmarks.desk_streams import request
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
READ: Final = 5  # of the streams, whose events are taken apart; a process of its own receives the others
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


async def listen(address: str, token: str, show: Callable[[str], None]) -> None:
    """One stream, for as long as it is let; ``show`` is called with the subject of each piece of work."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request(host, token))
    is_work = False
    try:
        async for line in reader:
            if line.startswith(b"event: "):
                is_work = line == b"event: work\n"
            elif is_work and line.startswith(b"data: "):
                show(orjson.loads(line[6:])["subject"])
    finally:
        writer.close()


@contextmanager
def dropped_streams(address: str, token: str, count: int) -> Iterator[psutil.Process]:
    """A process that receives so many streams."""
    command = [sys.executable, "-m", "benchmarks.desk_streams", address, token, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own command
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()


async def work(kafka: Kafka, address: str, token: str, seconds: float) -> Measured:
    """Calls at `RATE`, each seen on the streams, and each taken once, half a second after it was seen."""
    measured = Measured()
    takes: dict[str, asyncio.Task[None]] = {}
    async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:

        async def take(subject: str) -> None:
            await asyncio.sleep(0.5)  # an operator sees it first
            began = time.monotonic()
            answer = await client.post(f"/v1/work/{subject}/take")
            measured.takes.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text

        def show(subject: str) -> None:
            measured.shown.append((subject, time.monotonic()))
            if subject not in takes and subject in calls:
                takes[subject] = asyncio.create_task(take(subject))

        streams = [asyncio.create_task(listen(address, token, show)) for _ in range(READ)]
        await asyncio.sleep(1.0)
        began = time.monotonic()
        calls: set[str] = set()
        for number in range(int(seconds * RATE)):
            value = call(number)
            subject = value["command_id"]
            calls.add(subject)

            def delivered(error: Any, _message: Any, subject: str = subject) -> None:
                assert error is None, error
                measured.readable[subject] = time.monotonic()

            kafka.put("calls", value["site_id"], encode("CallCommand", value), delivered)
            while (left := began + (number + 1) / RATE - time.monotonic()) > 0:
                await asyncio.sleep(min(left, 0.002))
                kafka._producer.poll(0)  # noqa: SLF001 - deliveries are noticed as they come
        kafka.flush()
        while len(takes) < len(calls):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.1)
        await asyncio.gather(*takes.values())
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


class Used:
    """What each process uses of the processors, from now on."""

    def __init__(self, desk: Process, node: Broker, receiving: psutil.Process) -> None:
        self._clocks: dict[str, Callable[[], float]] = {
            "desk": desk.cpu_seconds,
            "broker": node.cpu_seconds,
            "streams": lambda: sum(receiving.cpu_times()[:2]),
            "this process": time.process_time,
        }
        self._before = {name: clock() for name, clock in self._clocks.items()}
        self._began = time.monotonic()

    def cores(self) -> dict[str, float]:
        """By process, on average."""
        seconds = time.monotonic() - self._began
        return {name: round((clock() - self._before[name]) / seconds, 2) for name, clock in self._clocks.items()}


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
            address = json.loads(line)["address"]
            with dropped_streams(address, token, STREAMS - READ) as receiving:
                used = Used(desk, node, receiving)
                measured = asyncio.run(work(kafka, address, token, seconds))
                cores = used.cores()
            calls = len(measured.readable)
            say(name=f"a call on {STREAMS} streams, {RATE} a second", calls=calls, **percentiles(first_shown(measured)))
            say(name="take", takes=len(measured.takes), **percentiles(measured.takes))
            say(name="processors used meanwhile, in cores", **cores)
            say(name="afterwards", memory_mib=desk.memory_mib())
        finally:
            desk.end()


if __name__ == "__main__":
    main()
