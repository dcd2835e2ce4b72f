"""The partners' app over a database, without Kafka, on a port of its own; its loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import orjson

from edges.database.postgres import pool
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Producer, Record
from edges.partners.application import application
from edges.partners.intake import row_of
from edges.partners.metrics import PartnersMetrics
from edges.partners.outlet import Outlet
from edges.partners.reports_to_kafka import Reporter
from edges.partners.sql import migrate, query
from edges.partners.store import Store
from edges.values import Address, DispatchCommand
from edges.web import accounts
from edges.web.accounts import Role
from edges.web.server import WebServer
from edges.web.settings import WebSettings
from service.postgres import connect
from service.postgres_settings import PostgresSettings

PASSWORD: Final = "correct horse"


def command(dispatch_id: str, action: str = "REQUEST", **fields: Any) -> DispatchCommand:
    """A command of now, for ``azur``."""
    now = time.time_ns() // 1_000_000
    value: dict[str, Any] = {
        "command_id": f"{dispatch_id}-{action[0].lower()}1", "dispatch_id": dispatch_id, "action": action, "attempt": 1,
        "incident_id": dispatch_id.removesuffix("-d1"), "site_id": "S14", "partner_id": "azur",
        "procedure": "SECURITY", "reason": "NOBODY_REACHED", "covert": False, "alert_kinds": ["INTRUSION"],
        "alert_count": 1, "first_alert_at": now, "last_alert_at": None,
        "address": Address("3 impasse du Lavoir", None, "74300", "Cluses", "FR"), "instructions": "Mind the dog.",
        "issued_at": now, "respond_by": now + 120_000 if action == "REQUEST" else None, "cause": "NOBODY_REACHED",
    } | fields  # fmt: skip
    return DispatchCommand(**value)


class Kafka:
    """Stands for the producer; ``is_away``: it takes nothing; ``away``: nothing of these keys.

    While ``thawed`` is clear, it answers nothing.
    """

    def __init__(self) -> None:
        self.written: list[Record] = []
        self.is_away = False
        self.away: set[str] = set()
        self.thawed = asyncio.Event()
        self.thawed.set()

    async def send(self, *records: Record, seconds: float = 3.0) -> None:
        """Keep records."""
        await self.thawed.wait()
        if self.is_away or self.away & {record.key for record in records}:
            raise UnconfirmedError(f"no answer within {seconds:.0f} s")
        self.written.extend(records)


class Served(NamedTuple):
    """The app."""

    address: str
    store: Store
    web: WebSettings
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    settings: PostgresSettings
    kafka: Kafka
    reporter: Reporter

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with connect(self.settings, "test") as database:
            cursor = database.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def put(self, value: DispatchCommand, now: int | None = None) -> None:
        """Store a command as it is read, now or earlier."""
        at = time.time_ns() // 1_000_000 if now is None else now
        with connect(self.settings, "test") as database:
            values = {
                "partner_id": value.partner_id,
                "url": "https://partner.example/",
                "allow_private": False,
                "now": 0,
            }
            database.execute(query("put_partner"), values)
            database.execute(query("put_command"), row_of(value, at))

    def user(self, name: str, role: Role, *partners: str) -> None:
        """An account."""
        accounts.add(self.web.users_file, name, role, (), PASSWORD, partners)


@contextmanager
def serving(settings: PostgresSettings, folder: Path) -> Iterator[Served]:
    """The app, its tokens and accounts in a folder."""
    with connect(settings, "test") as database:
        migrate(database)
        database.execute(query("put_partition"), {"number": 0, "at": 2**53})  # all is read
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="partners")
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    kafka = Kafka()
    web = WebSettings(tokens_file=folder / "tokens.json", users_file=folder / "users.json")
    connections = pool(settings, "test")
    store = Store(connections, "test", 1)
    outlet = Outlet(cast("Producer", kafka))
    outlet.open(*[lambda value: orjson.dumps(value._asdict())] * 2)
    reporter = Reporter(store, outlet, PartnersMetrics())

    async def start() -> WebServer:
        await connections.open()
        server = WebServer(application(store, reporter, web, None), "127.0.0.1", 0)
        await server.start()
        return server

    async def stop(server: WebServer) -> None:
        await server.stop()
        await connections.close()

    server = run(start())
    try:
        yield Served(str(server.address), store, web, run, settings, kafka, reporter)
    finally:
        run(stop(server))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
