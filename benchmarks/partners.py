"""From a command on the topic to the first byte at its partner: 50 a second, 1 of 20 partners hangs.

``python -m benchmarks.partners [--seconds N]`` starts a Kafka, a PostgreSQL and a `ronde partners` of its own, and
prints one line: p50, p99 and the longest, in milliseconds, of the whole way and of its three legs: *stored* (read from
Kafka, in PostgreSQL), *begun* (chosen, its attempt noted), *byte* (at the partner). The clock starts when Kafka has
acknowledged the command.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
from confluent_kafka import KafkaError, Message, Producer

from benchmarks.broker import Broker, broker
from edges.partners.enrolment import enrol
from edges.partners.sql import migrate
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.shared.whole_settings import WholeSettings
from schemas import encode
from schemas.contract.murmur2 import partition
from service.postgres import Session, connect
from streams.kafka.topics import create
from streams.settings import load

RATE: Final = 50
PARTNERS: Final = 20
PARTITIONS: Final = 6
SITES: Final = 97
PATIENCE: Final = 120.0
HANGING: Final = 0  # the number of the partner that never answers
ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
WEBHOOK_ID: Final = re.compile(rb"webhook-id: (\S+)", re.IGNORECASE)
LENGTH: Final = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
FIRST_ATTEMPTS: Final = """
SELECT commands.command_id, commands.stored_at, attempts.at
FROM partners.commands JOIN partners.attempts USING (command_id) WHERE number = 1
"""


def serve() -> None:
    """Be all partners: write where each listens, then a line a webhook: its id, when its first byte came."""

    async def take(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while first := await reader.read(1):
            at = time.time()
            head = first + await reader.readuntil(b"\r\n\r\n")
            length, name = LENGTH.search(head), WEBHOOK_ID.search(head)
            assert length is not None
            assert name is not None
            await reader.readexactly(int(length[1]))
            sys.stdout.write(f"{name[1].decode()} {at}\n")
            sys.stdout.flush()
            if number == HANGING:
                await asyncio.sleep(PATIENCE)
            writer.write(ANSWER)

    async def serving(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await take(number, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def run() -> None:
        servers = [await asyncio.start_server(partial(serving, number), HOST, 0) for number in range(PARTNERS)]
        sys.stdout.write(json.dumps([server.sockets[0].getsockname()[1] for server in servers]) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def child(*command: str, environ: dict[str, str] | None = None, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python, its words in ``log``."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *command], stdout=output, stderr=output, env={**os.environ, **(environ or {})}
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines(log: Path, process: subprocess.Popen[bytes], says: str) -> list[str]:
    """The lines of a log, once one of them has these words."""
    until = time.monotonic() + PATIENCE
    while says not in (text := log.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < until, text
        time.sleep(0.05)
    return text.splitlines()


def know(database: Session, ports: Sequence[int]) -> None:
    """Add the partners."""
    migrate(database)
    for number, port in enumerate(ports):
        enrol(database, f"p{number}", f"http://{HOST}:{port}/", allow_private=True)


def command(number: int) -> dict[str, Any]:
    """A REQUEST."""
    now = time.time_ns() // 1_000_000
    incident = f"{number:024x}"
    return {
        "command_id": f"{incident}-d1-r1", "dispatch_id": f"{incident}-d1", "action": "REQUEST", "attempt": 1,
        "incident_id": incident, "site_id": f"S{number % SITES}", "partner_id": f"p{number % PARTNERS}",
        "procedure": "SECURITY", "reason": "NOBODY_REACHED", "covert": False, "alert_kinds": ["INTRUSION"],
        "alert_count": 1, "first_alert_at": now, "last_alert_at": now,
        "address": {"line1": "3 impasse du Lavoir", "postal_code": "74300", "city": "Cluses", "country": "FR"},
        "instructions": "Mind the dog.", "issued_at": now, "respond_by": now + 120_000, "cause": "NOBODY_REACHED",
    }  # fmt: skip


def send(settings: WholeSettings, first: int, count: int) -> dict[str, float]:
    """Write commands, 50 a second; when Kafka had each."""
    producer = Producer({**settings.client("producer"), "linger.ms": 0})
    acknowledged: dict[str, float] = {}

    def had(name: str) -> Any:
        def report(error: KafkaError | None, _: Message) -> None:
            assert error is None, error
            acknowledged[name] = time.time()

        return report

    began = time.monotonic()
    for number in range(count):
        while (left := began + number / RATE - time.monotonic()) > 0:
            producer.poll(left)
        value = command(first + number)
        key = value["site_id"].encode()
        producer.produce(
            settings.topic("dispatches"),
            encode("DispatchCommand", value),
            key,
            partition=partition(key, PARTITIONS),
            on_delivery=had(value["command_id"]),
        )
    assert producer.flush(PATIENCE) == 0
    return acknowledged


def spread(values: Sequence[float]) -> dict[str, int]:
    """In milliseconds."""
    ordered = sorted(values)
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))])
        for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
    }


def measure(node: Broker, server: Postgres, folder: Path, seconds: float) -> dict[str, Any]:
    """One run."""
    environ = {
        "RONDE_KAFKA__BOOTSTRAP_SERVERS": node.address,
        "RONDE_TOPICS__PARTITIONS": str(PARTITIONS),
        "RONDE_POSTGRES__HOST": HOST,
        "RONDE_POSTGRES__PORT": str(server.port),
        "RONDE_WEB__TOKENS_FILE": str(folder / "tokens.json"),
        "RONDE_PARTNERS__PORT": "0",
        "RONDE_PARTNERS__PAGES_PORT": "0",
        "RONDE_PARTNERS__PUBLIC_URL": "https://guards.example",
    }
    settings = load(None, environ, WholeSettings)
    create(settings)
    hooks, log = folder / "hooks", folder / "partners.log"
    with (
        connect(settings.postgres, "benchmark") as database,
        child("-m", "benchmarks.partners", "--serve", log=hooks) as systems,
    ):
        know(database, json.loads(lines(hooks, systems, "]")[0]))
        with child("-c", "from ronde.cli import main; main()", "partners", environ=environ, log=log) as partners:
            lines(log, partners, "partners listen")
            warm = send(settings, 0, PARTNERS * 2)  # the first command waits for the group to form
            lines(hooks, systems, list(warm)[-1])
            time.sleep(1.0)
            process = psutil.Process(partners.pid)
            used = process.cpu_times()
            sent = send(settings, len(warm), round(seconds * RATE))
            prompt = [name for name in sent if int(name[:24], 16) % PARTNERS != HANGING]
            lines(hooks, systems, prompt[-1])
            time.sleep(2.0)
            now = process.cpu_times()
        noted = {row[0]: row[1:] for row in database.execute(FIRST_ATTEMPTS)}
    bytes_at: dict[str, float] = {}
    for line in hooks.read_text().splitlines()[1:]:
        name, _, at = line.partition(" ")
        bytes_at.setdefault(name, float(at))
    assert set(prompt) <= bytes_at.keys(), "every command of a prompt partner has come"
    legs = {
        "whole": [bytes_at[name] - sent[name] for name in prompt],
        "stored": [noted[name][0] / 1000 - sent[name] for name in prompt],
        "begun": [(noted[name][1] - noted[name][0]) / 1000 for name in prompt],
        "byte": [bytes_at[name] - noted[name][1] / 1000 for name in prompt],
    }
    processor = now.user + now.system - used.user - used.system
    return {
        "commands": len(sent),
        **{name: spread(values) for name, values in legs.items()},
        "cpu_ms_per_command": round(1000 * processor / len(sent), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as name, broker() as node:
        folder = Path(name)
        server = Postgres(folder / "postgres", port=free_port())
        try:
            server.start()
            result = measure(node, server, folder, options.seconds)
        finally:
            server.stop()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
