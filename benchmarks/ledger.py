"""Rows a second into the ledger, of ``decisions``, in three ways side by side (docs/ledger.md, How fast).

``python -m benchmarks.ledger [--rows N] [--rounds N]`` starts a PostgreSQL of its own, with its defaults for safety,
and takes turns, so that a noisy machine is as noisy for each:

- *ledger*: what `ronde sink` does with a chunk: COPY to staging, upsert, positions, one transaction, while the next
  chunk is decoded;
- *executemany*: the plain way to the same tables: psycopg's ``executemany`` of two upserts, and the position;
- *COPY alone*: the decisions' rows straight into their table, without the incidents and without an upsert: the limit.

All three begin with the records' bytes, as a consumer has them, and decode them. The first two must give the same
tables. ``--kafka`` measures a whole `ronde sink` on a real Kafka beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psycopg
from confluent_kafka import Message, Producer

from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from schemas import encode
from service.postgres_settings import PostgresSettings
from sinks.database.migrate import migrate
from sinks.database.postgres import Connection, connect
from sinks.rows.chunk import RefusedRecord, RowDecoder
from sinks.rows.feeds import Row
from sinks.write.ledger import Ledger
from sinks.write.writer import Writer

START: Final = 1_767_225_600_000
TOPIC: Final = "ronde.decisions"
AT_ONCE: Final = 2_000  # incidents under way side by side
SITES: Final = 100_000
# An incident as many are: two rounds, nobody is reached, a guard goes. Rule, phase after, input, outputs.
STORY: Final[list[tuple[str, str, str, list[str]]]] = [
    ("OPENED", "CALLING", "ALERT", ["c1.1"]),
    ("NEXT_CONTACT", "CALLING", "CALL_RESULT", ["c1.2"]),
    ("WAIT_STARTED", "WAITING", "CALL_RESULT", []),
    ("WAIT_ENDED", "CALLING", "DEADLINE", ["c2.1"]),
    ("NEXT_CONTACT", "CALLING", "CALL_RESULT", ["c2.2"]),
    ("NOBODY_REACHED", "DISPATCHED", "DEADLINE", ["d1-r1"]),
    ("PARTNER_PROGRESS", "DISPATCHED", "DISPATCH_REPORT", []),
    ("PARTNER_PROGRESS", "DISPATCHED", "DISPATCH_REPORT", []),
    ("PARTNER_PROGRESS", "DISPATCHED", "DISPATCH_REPORT", []),
    ("INTERVENTION_CLOSED", "CLOSED", "DISPATCH_REPORT", []),
]
COLUMNS: Final = (
    "decision_id, incident_id, procedure_version, site_id, version, at, input_kind, input_id, input_topic,"
    " input_partition, input_offset, site_offset, rule, phase_from, phase_to, round, position, deadline, disposition,"
    " outputs, calls, dispatches, requests, attentions, kafka_partition, kafka_offset"
)
AT, DEADLINE = 5, 17  # where a row has instants
EVENTS: Final = (
    f"INSERT INTO ledger.incident_events ({COLUMNS}) VALUES ({', '.join(['%s'] * 26)}) ON CONFLICT DO NOTHING"  # noqa: S608 - ours
)
INCIDENTS: Final = """
INSERT INTO ledger.incidents AS known (
    incident_id, site_id, procedure, procedure_version, version, opened_at, opened_by, phase, round, position, deadline,
    updated_at, closed_at, outcome, disposition, alerts, calls, rounds, dispatches, requests, attentions,
    first_call_at, wait_started_at, wait_ended_at, dispatched_at, handed_over_at
) VALUES (
    %(incident)s, %(site)s, 'SECURITY', %(procedure)s, %(version)s, %(at)s, %(opened_by)s, %(phase)s, %(round)s,
    %(position)s, %(deadline)s, %(at)s, %(closed_at)s, %(outcome)s, %(disposition)s, %(alerts)s, %(calls)s, %(rounds)s,
    %(dispatches)s, %(requests)s, %(attentions)s, %(first_call_at)s, %(wait_started_at)s, %(wait_ended_at)s,
    %(dispatched_at)s, %(handed_over_at)s
)
ON CONFLICT (incident_id) DO UPDATE SET
    version = excluded.version, phase = excluded.phase, round = excluded.round, position = excluded.position,
    deadline = excluded.deadline, updated_at = excluded.updated_at, closed_at = excluded.closed_at,
    outcome = excluded.outcome, disposition = excluded.disposition, alerts = known.alerts + excluded.alerts,
    calls = known.calls + excluded.calls, rounds = greatest(known.rounds, excluded.rounds),
    dispatches = known.dispatches + excluded.dispatches, requests = known.requests + excluded.requests,
    attentions = known.attentions + excluded.attentions,
    first_call_at = coalesce(known.first_call_at, excluded.first_call_at),
    wait_started_at = coalesce(known.wait_started_at, excluded.wait_started_at),
    wait_ended_at = coalesce(known.wait_ended_at, excluded.wait_ended_at),
    dispatched_at = coalesce(known.dispatched_at, excluded.dispatched_at),
    handed_over_at = coalesce(known.handed_over_at, excluded.handed_over_at)
WHERE known.version < excluded.version
"""


def decisions() -> Iterator[tuple[str, bytes]]:
    """Keys and values of decisions without end: incidents side by side, each through the whole story."""
    offset = first = 0
    while True:
        for version, (rule, phase, kind, outputs) in enumerate(STORY, start=1):
            before = STORY[version - 2][1] if version > 1 else None
            for number in range(first, first + AT_ONCE):
                incident = hashlib.blake2b(str(number).encode(), digest_size=12).hexdigest()
                at = START + offset * 2
                came = {"kind": kind, "id": incident if kind == "DEADLINE" else f"in-{number}-{version}"}
                if kind != "DEADLINE":
                    came |= {"topic": "call-results", "partition": 0, "offset": offset}  # type: ignore[dict-item]
                decision = {
                    "decision_id": f"{incident}-v{version}",
                    "incident_id": incident,
                    "procedure_version": "security/1",
                    "site_id": f"site-{number % SITES}",
                    "version": version,
                    "at": at,
                    "input": came,
                    "site_offset": number % SITES,
                    "rule": rule,
                    "phase_from": before,
                    "phase_to": phase,
                    "round": 1 + (version > 3) if phase == "CALLING" else None,
                    "position": 1 if phase == "CALLING" else None,
                    "deadline": None if phase == "CLOSED" else at + 120_000,
                    "disposition": "false alarm" if phase == "CLOSED" else None,
                    "outputs": [f"{incident}-{output}" for output in outputs],
                }
                yield f"site-{number % SITES}", encode("Decision", decision)
                offset += 1
        first += AT_ONCE


def chunks(messages: list[Message], size: int) -> Iterator[list[Message]]:
    """The messages in pieces of a size."""
    return (messages[at : at + size] for at in range(0, len(messages), size))


def rows_of(decoder: RowDecoder, messages: list[Message]) -> list[Row]:
    """The decoded rows, as the database takes them without staging: instants as its own."""
    (piece,) = decoder.decode(messages).pieces.values()
    return [
        (*row[:AT], instant(row[AT]), *row[AT + 1 : DEADLINE], instant(row[DEADLINE]), *row[DEADLINE + 1 :])
        for row in piece.rows
    ]


def instant(milliseconds: int | None) -> str | None:
    """Milliseconds as a text that PostgreSQL reads; the quickest that Python has for it."""
    if milliseconds is None:
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return f"{second(seconds)}.{rest:03}+00"


@lru_cache(10_000)
def second(seconds: int) -> str:
    """A second's text; many rows share it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def by_ledger(connection: Connection, decoder: RowDecoder, messages: list[Message], size: int) -> None:
    """What the sink does."""
    ledger = Ledger(connection, "benchmark")
    ledger.claim([(TOPIC, 0)])
    refused: list[RefusedRecord] = []
    writer = Writer(ledger.write, lambda _, written: refused.extend(written.refused))
    for piece in chunks(messages, size):
        chunk = decoder.decode(piece)
        chunk.prepare()
        writer.write(chunk)
    writer.settle()
    writer.close()
    assert refused == []


def by_executemany(connection: Connection, decoder: RowDecoder, messages: list[Message], size: int) -> None:
    """The plain way."""
    connection.execute("INSERT INTO ledger.positions VALUES (%s, 0, 0, 1, 'benchmark')", (TOPIC,))
    for piece in chunks(messages, size):
        rows = rows_of(decoder, piece)
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(EVENTS, rows)
            cursor.executemany(INCIDENTS, map(incident_of, rows))
            cursor.execute("UPDATE ledger.positions SET next_offset = %s", ((piece[-1].offset() or 0) + 1,))


def incident_of(row: Row) -> dict[str, Any]:
    """A decision's part of its incident."""
    (
        _,
        incident,
        procedure,
        site,
        version,
        at,
        kind,
        *_,
        rule,
        before,
        phase,
        round_,
        position,
        deadline,
        disposition,
    ) = row[:19]
    calls, dispatches, requests, attentions = row[20:24]
    is_closed = phase == "CLOSED"
    return {
        "incident": incident,
        "site": site,
        "procedure": procedure,
        "version": version,
        "at": at,
        "opened_by": rule if version == 1 else None,
        "phase": phase,
        "round": round_,
        "position": position,
        "deadline": deadline,
        "closed_at": at if is_closed else None,
        "outcome": rule if is_closed else None,
        "disposition": disposition,
        "alerts": int(kind == "ALERT"),
        "calls": calls,
        "rounds": round_ or 0,
        "dispatches": dispatches,
        "requests": requests,
        "attentions": attentions,
        "first_call_at": at if calls else None,
        "wait_started_at": at if phase == "WAITING" and before != "WAITING" else None,
        "wait_ended_at": at if before == "WAITING" and phase != "WAITING" else None,
        "dispatched_at": at if requests else None,
        "handed_over_at": at if phase == "HANDED_OVER" else None,
    }


def by_copy(connection: Connection, decoder: RowDecoder, messages: list[Message], size: int) -> None:
    """The limit."""
    for piece in chunks(messages, size):
        rows = rows_of(decoder, piece)
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy(f"COPY ledger.incident_events ({COLUMNS}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)


WAYS: Final[dict[str, Callable[[Connection, RowDecoder, list[Message], int], None]]] = {
    "ledger": by_ledger,
    "executemany": by_executemany,
    "COPY alone": by_copy,
}


def prepared(server: Postgres) -> Connection:
    """A ledger in an empty database of its own."""
    name = "benchmark"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
        connection.execute("CHECKPOINT")
    connection = connect(PostgresSettings(host=HOST, port=server.port or 0, database=name), "benchmark")
    migrate(connection)
    connection.execute("SELECT ledger.add_month('2026-01-01')")
    return connection


def fingerprint(connection: Connection) -> list[Any]:
    """What the tables hold, in a few bytes."""
    return [
        connection.execute(f"SELECT count(*), sum(hashtextextended({table}::text, 0)) FROM ledger.{table}").fetchone()  # noqa: S608 - ours
        for table in ("incidents", "incident_events")
    ]


def measure(server: Postgres, messages: list[Message], rounds: int, size: int) -> dict[str, list[float]]:
    """Rows a second of each way and round."""
    decoder = RowDecoder(lambda topic: f"ronde.{topic}", None)
    speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        made = {}
        for name, way in WAYS.items():
            with prepared(server) as connection:
                begin = time.perf_counter()
                way(connection, decoder, messages, size)
                speeds[name].append(len(messages) / (time.perf_counter() - begin))
                made[name] = fingerprint(connection)
        assert made["ledger"] == made["executemany"], "both ways give the same tables"
        assert made["ledger"][1] == made["COPY alone"][1]
    return speeds


def whole_sink(server: Postgres, folder: Path, messages: list[Message]) -> float:
    """Rows a second of a `ronde sink` process on a real Kafka, from its first commit to its last."""
    kafka = Kafka(folder / "kafka", port=free_port(), optimised=True)
    settings = folder / "settings.toml"
    ronde = (sys.executable, "-c", "from ronde.cli import main; main()")
    try:
        kafka.start()
        settings.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap_servers}"\n[topics]\npartitions = 1\n[sink]\nport = 0\n'
            f'[postgres]\nhost = "{HOST}"\nport = {server.port}\ndatabase = "benchmark"\n'
        )
        create: list[str | Path] = [*ronde, "topics", "create", "--settings", settings]
        subprocess.run(create, check=True, capture_output=True)  # noqa: S603 - our own command line
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "enable.idempotence": True})
        for message in messages:
            producer.produce(TOPIC, message.value(), message.key(), 0)
            producer.poll(0)
        producer.flush()
        with prepared(server) as connection, (folder / "sink.log").open("wb") as log:
            command: list[str | Path] = [*ronde, "sink", "--settings", settings]
            sink = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own command line
            try:
                return progress(connection, len(messages))
            finally:
                sink.send_signal(signal.SIGTERM)
                sink.wait()
    finally:
        kafka.stop()


def progress(connection: Connection, rows: int) -> float:
    """Rows a second, by the positions' own times."""
    first: tuple[int, float] | None = None
    while True:
        found = connection.execute("SELECT next_offset FROM ledger.positions WHERE topic = %s", (TOPIC,)).fetchone()
        now = time.perf_counter()
        if found is not None and found[0] > 0 and first is None:
            first = found[0], now
        if first is not None and found is not None and found[0] >= rows:
            return (rows - first[0]) / (now - first[1])
        time.sleep(0.01)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chunk", type=int, default=10_000, help="rows of a transaction (sink.chunk_max)")
    parser.add_argument("--kafka", action="store_true", help="also a whole sink, on a real Kafka")
    given = parser.parse_args()
    messages = [
        Message(topic=TOPIC, partition=0, offset=offset, key=key.encode(), value=value, timestamp=(1, START))
        for offset, (key, value) in enumerate(islice(decisions(), given.rows))
    ]
    folder = Path(tempfile.mkdtemp(prefix="ronde-benchmark-"))
    server = Postgres(folder / "postgres", port=free_port())
    try:
        server.start()
        speeds = measure(server, messages, given.rounds, given.chunk)
        whole = whole_sink(server, folder, messages) if given.kafka else None
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{given.rows:,} decisions, chunks of {given.chunk:,}, {given.rounds} rounds; rows a second, median (range)")  # noqa: T201 - its output
    ours = speeds["ledger"]
    for name, found in speeds.items():
        ratio = statistics.median(mine / other for mine, other in zip(ours, found, strict=True))
        spread = f"({min(found):,.0f} to {max(found):,.0f})"
        print(f"{name:12} {statistics.median(found):>8,.0f} {spread:22} the ledger is {ratio:.2f} times that")  # noqa: T201
    if whole is not None:
        print(f"{'whole sink':12} {whole:>8,.0f} from Kafka, fetching included")  # noqa: T201


if __name__ == "__main__":
    main()
