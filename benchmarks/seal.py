"""What a record costs the seal, beside what it costs the sink (docs/evidence.md).

``python -m benchmarks.seal [--rows N] [--rounds N]`` starts a PostgreSQL of its own and takes turns, so that a noisy
machine is as noisy for each: the same decisions into the ledger as `ronde sink` writes them, and into the seal as
`ronde seal` does. Both begin with the records' bytes, as a consumer has them. Printed is processor time, of the process
and of its connection's backend in PostgreSQL, a record.

``--floor`` prints only what the hashes of one decision cost that the form of a leaf asks for, by any caller.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import Message

from benchmarks.ledger import START, TOPIC, by_ledger, chunks, decisions, prepared
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from seal.commitments import Commitments
from seal.proofs import leaf_data
from seal.store import Store, TreeState, connect, make_schema
from service.log_record import LogRecord
from service.postgres_settings import PostgresSettings
from sinks.rows.chunk import RowDecoder

_LOG: Final = ("decisions", 0)
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Microseconds of a processor a record."""

    process: float
    postgres: float

    @property
    def total(self) -> float:
        """Both."""
        return self.process + self.postgres


def measured(work: Callable[[], Any], connection: Any, records: int) -> Cost:
    """Do a work and return its cost a record."""
    backend = connection.info.backend_pid
    process, postgres = time.process_time(), backend_seconds(backend)
    work()
    return Cost((time.process_time() - process) / records * 1e6, (backend_seconds(backend) - postgres) / records * 1e6)


def backend_seconds(pid: int) -> float:
    """Return the processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def sink(server: Postgres, messages: list[Message], size: int) -> Cost:
    """Write a ledger."""
    decoder = RowDecoder(lambda topic: f"ronde.{topic}", None)
    with prepared(server) as connection:
        return measured(lambda: by_ledger(connection, decoder, messages, size), connection, len(messages))


def seal(server: Postgres, messages: list[Message], size: int) -> Cost:
    """Write a seal, in the database that the ledger is in."""
    with connect(PostgresSettings(host=HOST, port=server.port or 0, database="benchmark")) as connection:
        connection.execute("DROP SCHEMA IF EXISTS seal CASCADE")
        make_schema(connection)
        store = Store(connection)
        return measured(lambda: by_seal(store, messages, size), connection, len(messages))


def by_seal(store: Store, messages: list[Message], size: int) -> None:
    """What `ronde seal` does with a batch."""
    commitments = Commitments(store.secret)
    trees = {_LOG: TreeState(0, 0)}
    for piece in chunks(messages, size):
        records = [
            LogRecord(*_LOG, message.offset() or 0, message.timestamp()[1], message.key(), message.value(), [])
            for message in piece
        ]
        parted = [commitments.parts(record) for record in records]
        store.fetch([owner for parts in parted for owner in parts.owners])
        trees |= store.append(trees, {_LOG: [commitments.seal(parts) for parts in parted]})


def made(rows: int) -> list[Message]:
    """Return so many decisions, as a consumer has them."""
    return [
        Message(topic=TOPIC, partition=0, offset=offset, key=key.encode(), value=value, timestamp=(1, START))
        for offset, (key, value) in enumerate(islice(decisions(), rows))
    ]


def floor(message: Message) -> Iterator[str]:
    """Yield what hashing a record takes: by calls from Python, and as blocks of SHA-256 without any call."""
    record = LogRecord(*_LOG, 0, START, message.key(), message.value(), [])
    secret = bytes(range(32))
    commitments = Commitments(lambda *_: secret)
    parts, opened = commitments.parts(record), commitments.leaf(record)
    salted = [(field.salt or b"") + field.data for field in opened.fields]
    data = leaf_data(parts.place, parts.layout.schema, parts.layout.joined, [b"c" * 32] * len(salted))
    blocks = sum(2 + _blocks(text) for text in salted) + _blocks(b"0" + data) + _blocks(b"0" * 65)
    calls = {
        "salts, one call of PBKDF2": lambda: hashlib.pbkdf2_hmac("sha256", secret, b"calls", 1, len(salted) * 32),
        "commitments, a call each": lambda: [hashlib.sha256(text).digest() for text in salted],
        "the leaf": lambda: hashlib.sha256(data).digest(),
    }
    for name, call in calls.items():
        yield f"{name}: {_microseconds(call):.1f} us"
    one = _microseconds(lambda: hashlib.sha256(bytes(64 * 16384)).digest(), 20) / 16384
    yield f"{blocks} blocks without any call, of {1000 * one:.0f} ns each: {blocks * one:.1f} us"


def _blocks(text: bytes) -> int:
    """How many blocks SHA-256 makes of a text: one byte and eight of its length are behind it."""
    return (len(text) + 9 + 63) // 64


def _microseconds(call: Callable[[], Any], count: int = 2000) -> float:
    return min(timeit.repeat(call, number=count, repeat=15)) / count * 1e6


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chunk", type=int, default=5_000, help="records of a transaction")
    parser.add_argument("--floor", action="store_true", help="only what the hashes cost")
    options = parser.parse_args()
    if options.floor:
        print("\n".join(floor(made(1)[0])))  # noqa: T201 - its output
        return
    messages = made(options.rows)
    folder = Path(tempfile.mkdtemp(prefix="ronde-benchmark-"))
    server = Postgres(folder / "postgres", port=free_port())
    costs: dict[str, list[Cost]] = {"sink": [], "seal": []}
    try:
        server.start()
        for _ in range(options.rounds):
            costs["sink"].append(sink(server, messages, options.chunk))
            costs["seal"].append(seal(server, messages, options.chunk))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.rows:,} decisions, {options.rounds} rounds; microseconds a record, median (range)")  # noqa: T201 - its output
    for name, rounds in costs.items():
        whole = [cost.total for cost in rounds]
        process, postgres = (statistics.median(part) for part in zip(*rounds, strict=True))
        print(  # noqa: T201 - its output
            f"{name}: {statistics.median(whole):.1f} ({min(whole):.1f} to {max(whole):.1f}),"
            f" {process:.1f} of them in the process, {postgres:.1f} in PostgreSQL"
        )
    share = statistics.median(mine.total / its.total for mine, its in zip(costs["seal"], costs["sink"], strict=True))
    print(f"the seal is {100 * share:.0f} % of the sink")  # noqa: T201 - its output


if __name__ == "__main__":
    main()
