"""``python -m benchmarks.portal``: saves at 50 requests/s with a million sites in the database; a line of JSON.

From when a request was due until its answer, and from the answer until the record can be read on `sites`. ``--quick``
takes 20,000 sites and 10 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import psycopg
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from benchmarks.broker import broker
from edges.portal.sql import migrate
from edges.web import tokens
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.shared.whole_settings import WholeSettings
from schemas import encode
from schemas.contract.murmur2 import partition
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from streams.kafka.topics import create
from streams.settings import load

PER_SECOND: Final = 50
PARTITIONS: Final = 6
PATIENCE: Final = 600.0
NOW: Final = 1_767_225_600_000
HASH: Final = "$argon2id$v=19$m=65536,t=3,p=4$zFUIMQiSvRcrCjF+s5+toQ$Q3T460qqmajy4rNOdGDV5G6YymmDS0AkLJrpEUWpX4s"
# Sites as a customer leaves them: two people, both contacts, a line of history, all passed on.
FILL: Final = """
INSERT INTO portal.sites (
    site_id, name, revision, subscribed, line1, postal_code, city, country, instructions, intervention, partners,
    updated_at, published_revision, published_at
)
SELECT
    'S' || n, 'Home ' || n, 1, true, n || ' rue des Lilas', '74300', 'Cluses', 'FR', 'Mind the dog', true,
    ARRAY['P1'], {now}, 1, {now}
FROM generate_series(1, {sites}) AS n;
INSERT INTO portal.people (site_id, person_id, place, role, first_name, last_name, login)
SELECT 'S' || n, 'p' || place, place, CASE place WHEN 1 THEN 'OWNER' ELSE 'MEMBER' END, 'Ann', 'Martin',
    'ann-' || n || '-' || place
FROM generate_series(1, {sites}) AS n, generate_series(1, 2) AS place;
INSERT INTO portal.contacts (site_id, place, contact_id, role, first_name, last_name, phone, password_hash)
SELECT 'S' || n, place, 'p' || place, CASE place WHEN 1 THEN 'OWNER' ELSE 'MEMBER' END, 'Ann', 'Martin',
    '+33639980001', '{hash}'
FROM generate_series(1, {sites}) AS n, generate_series(1, 2) AS place;
INSERT INTO portal.revisions (site_id, revision, at, by, what, request)
SELECT 'S' || n, 1, {now}, 'ronde portal import', 'import', '' FROM generate_series(1, {sites}) AS n;
ANALYZE
"""


class Arrivals(threading.Thread):
    """When each site's record could be read on `sites`."""

    def __init__(self, kafka: str, topic: str) -> None:
        super().__init__(daemon=True)
        self.at: dict[str, float] = {}
        self.ended = threading.Event()
        self._consumer = Consumer(
            {"bootstrap.servers": kafka, "group.id": "arrivals", "isolation.level": "read_committed",
             "enable.auto.commit": False, "fetch.wait.max.ms": 5}
        )  # fmt: skip
        self._consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in range(PARTITIONS)])
        self._consumer.poll(0.5)

    def run(self) -> None:
        """Read until it has ended."""
        while not self.ended.is_set():
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                self.at[(message.key() or b"").decode()] = time.monotonic()
        self._consumer.close()


async def save(address: str, token: str, numbers: range, seconds: float) -> tuple[list[float], dict[str, float]]:
    """Save at the pace; how long each took from when it was due, and when each site's answer came."""
    took: list[float] = []
    answered: dict[str, float] = {}
    ids = random.Random(1).sample(numbers, round(seconds * PER_SECOND))  # noqa: S311 - which sites, no secret
    bodies = (("intervention", {"enabled": False}), ("instructions", {"instructions": "Mind the cat"}))

    async def one(client: httpx.AsyncClient, number: int, due: float) -> None:
        await asyncio.sleep(due - time.monotonic())
        part, body = bodies[number % len(bodies)]
        path = f"/v1/sites/S{number}/service/{part}"
        answer = await client.put(path, json=body, headers={"If-Match": '"1"'})
        assert answer.status_code == httpx.codes.OK, answer.text
        answered[f"S{number}"] = time.monotonic()
        took.append(answered[f"S{number}"] - due)

    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        began = time.monotonic() + 0.5
        await asyncio.gather(*(one(client, number, began + at / PER_SECOND) for at, number in enumerate(ids)))
    return took, answered


def measure(sites: int, seconds: float, folder: Path, kafka: str, database: PostgresSettings) -> dict[str, Any]:
    """Fill, start a portal, save; return what was measured."""
    with connect(database, "benchmark") as connection:
        migrate(connection)
        for statement in FILL.format(sites=sites, now=NOW, hash=HASH).split(";\n"):
            connection.execute(statement.encode())
    pages = free_port()
    environ = {
        "RONDE_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "RONDE_PREFIX": f"portal-{secrets.token_hex(3)}.",
        "RONDE_POSTGRES__HOST": database.host,
        "RONDE_POSTGRES__PORT": str(database.port),
        "RONDE_POSTGRES__DATABASE": database.database,
        "RONDE_PORTAL__PORT": str(free_port()),
        "RONDE_PORTAL__PAGES_PORT": str(pages),
        "RONDE_PORTAL__DATA_DIR": str(folder / "portal"),
        "RONDE_WEB__TOKENS_FILE": str(folder / "tokens.json"),
        "RONDE_TOPICS__PARTITIONS": str(PARTITIONS),
    }
    create(load(None, environ, WholeSettings))
    judge(sites, kafka, environ["RONDE_PREFIX"])
    token = tokens.add(folder / "tokens.json", "benchmark", ("portal:*",))
    with portal(environ, folder / "portal.log", f"http://{HOST}:{pages}/ready") as (process, ready):
        arrivals = Arrivals(kafka, f"{environ['RONDE_PREFIX']}sites")
        arrivals.start()
        address = f"http://{HOST}:{environ['RONDE_PORTAL__PORT']}"
        asyncio.run(save(address, token, range(1, 11), 0.2))  # connections and statements are made
        used = cpu_seconds(process)
        took, answered = asyncio.run(save(address, token, range(11, sites + 1), seconds))
        used = cpu_seconds(process) - used
        end = time.monotonic() + 30
        while answered.keys() - arrivals.at.keys() and time.monotonic() < end:
            time.sleep(0.1)
        arrivals.ended.set()
        arrivals.join()
        lost = answered.keys() - arrivals.at.keys()
        passed = [max(arrivals.at[site_id] - at, 0.0) for site_id, at in answered.items() if site_id not in lost]
        return {
            "sites": sites,
            "saves": len(took),
            "save_p50_ms": percentile(took, 0.5),
            "save_p99_ms": percentile(took, 0.99),
            "cpu_ms_per_save": round(used * 1000 / len(took), 1),
            "relay_p50_ms": percentile(passed, 0.5),
            "relay_p99_ms": percentile(passed, 0.99),
            "not_passed_on": len(lost),
            "ready_seconds": round(ready, 1),
            "memory_mib": round(process.memory_info().rss / 2**20),
            "load": round(os.getloadavg()[0], 1),
        }


def judge(sites: int, kafka: str, prefix: str) -> None:
    """Write what the engine says of each site."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 50})
    value = {"subscribed": True, "ready": True, "needs_attention": False, "missing": [], "warnings": [], "at": NOW}
    for number in range(1, sites + 1):
        key = f"S{number}"
        while True:
            try:
                producer.produce(
                    f"{prefix}readiness", encode("Readiness", value | {"site_id": key}), key,
                    partition(key.encode(), PARTITIONS),
                )  # fmt: skip
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()


@contextmanager
def portal(environ: Mapping[str, str], log: Path, page: str) -> Iterator[tuple[psutil.Process, float]]:
    """A portal, once it is ready, and how many seconds that took."""
    began = time.monotonic()
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", "from ronde.cli import main; main()", "portal"],
            stdout=output, stderr=output, env={**surroundings, **environ},
        )  # fmt: skip
    try:
        while not is_ready(page):
            assert child.poll() is None, log.read_text()
            assert time.monotonic() - began < PATIENCE, log.read_text()
            time.sleep(0.1)
        yield psutil.Process(child.pid), time.monotonic() - began
    finally:
        child.terminate()
        child.wait(30)


def is_ready(page: str) -> bool:
    """Whether a page of operation says so."""
    try:
        return httpx.get(page, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has used of the processors."""
    times = process.cpu_times()
    return times.user + times.system


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return round(sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)] * 1000, 1)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 sites and 10 s")
    parser.add_argument("--sites", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    sites, seconds = (20_000, 10.0) if options.quick else (options.sites, options.seconds)
    with tempfile.TemporaryDirectory() as folder, broker() as kafka:
        server = Postgres(Path(folder) / "postgres", port=free_port())
        server.start()
        try:
            with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE portal")
            database = PostgresSettings(host=HOST, port=server.port or 0, database="portal")
            result = measure(sites, seconds, Path(folder), kafka.address, database)
        finally:
            server.stop()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
