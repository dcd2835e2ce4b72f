"""Whether the local servers run, where, and where their data and logs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.filesize import decimal

from ronde.local.kafka import Kafka
from ronde.local.postgres import NAME, Postgres
from ronde.local.prometheus import Prometheus
from ronde.local.server import Server
from ronde.shared.terminal import print_value, say


def print_status(kafka: Kafka, database: Postgres, observer: Prometheus, *, as_json: bool) -> None:
    """Print the state of the servers; PostgreSQL and Prometheus only once they were started."""
    address = kafka.bootstrap_servers if kafka.port else None
    all_facts: dict[str, dict[str, Any]] = {"kafka": _facts(kafka, bootstrap_servers=address)}
    if database.port:
        all_facts["postgres"] = _facts(database, address=database.address, database=NAME, user=NAME)
    if observer.port:
        all_facts["prometheus"] = _facts(observer, url=observer.url)
    if as_json:
        print_value(all_facts)
        return
    _print_facts("Kafka", address, all_facts["kafka"])
    if database.port:
        _print_facts("PostgreSQL", database.address, all_facts["postgres"])
    if observer.port:
        _print_facts("Prometheus", observer.url, all_facts["prometheus"])


def _facts(server: Server, **address: str | None) -> dict[str, Any]:
    return {
        "state": server.state,
        **address,
        "pid": server.pid,
        "data": str(server.data),
        "data_bytes": size(server.data),
        "logs": str(server.logs),
        "log_bytes": size(server.logs),
    }


def _print_facts(name: str, address: str | None, facts: dict[str, Any]) -> None:
    say(f"{name} is {facts['state']}" + (f": {address} (pid {facts['pid']})" if facts["pid"] else ""))
    say(f"  data {facts['data']} ({decimal(facts['data_bytes'])})")
    say(f"  logs {facts['logs']} ({decimal(facts['log_bytes'])})")


def size(folder: Path) -> int:
    """The bytes that a folder takes on the disk; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total
