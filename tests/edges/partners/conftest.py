"""A partner's own system, `ronde partners` in processes of its own, fresh topics and a fresh database."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from psycopg.sql import SQL, Identifier
from standardwebhooks import Webhook

from edges.partners.enrolment import enrol
from edges.web import tokens
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.records import encode
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import Run, SettingsFile
from tests.edges.partners.serving import Served, serving
from tests.edges.receiver.processes import Broker
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

PARTNER: Final = "azur"


class Hook(NamedTuple):
    """A webhook that the partner took, its signature verified."""

    at: float
    id: str
    body: dict[str, Any]


class PartnerSystem:
    """An HTTP server that verifies each webhook; ``answer`` says what comes back: status, body."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.secret = ""
        self.answer: Callable[[Hook], tuple[int, bytes]] = lambda _: (204, b"")
        system = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                at = time.time()
                body = self.rfile.read(int(self.headers["content-length"]))
                value = Webhook(system.secret).verify(body, dict(self.headers))
                hook = Hook(at, self.headers["webhook-id"], value)
                system.hooks.append(hook)
                status, content = system.answer(hook)
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                if 300 <= status < 400:
                    self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def wait(self, count: int = 1) -> list[Hook]:
        """Wait for so many webhooks."""
        eventually(lambda: len(self.hooks) >= count, f"{count} webhooks")
        return self.hooks

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def hang(_: Hook) -> tuple[int, bytes]:
    """An answer that comes too late."""
    time.sleep(30)
    return 204, b""


@pytest.fixture
def system() -> Iterator[PartnerSystem]:
    """The system of the partner."""
    made = PartnerSystem()
    yield made
    made.close()


class House:
    """The settings, the topics, and the processes of `ronde partners`."""

    def __init__(self, file: Path, folder: Path, run: Run) -> None:
        self.file = file
        self.settings = load(file, {}, WholeSettings)
        create(self.settings)
        self.broker = Broker(self.settings)
        self._folder = folder
        self._run = run
        self.processes: list[RondeProcess] = []

    def command(self, *arguments: str | Path) -> str:
        """Run `ronde partners …`; what it printed."""
        ran = self._run("partners", *arguments, "--settings", self.file)
        assert ran.exit == 0, ran.err
        return ran.out

    def add(self, system: PartnerSystem, partner: str = PARTNER) -> None:
        """Ask this system from now on."""
        system.secret = self.command("add", partner, "--url", system.url, "--allow-private").strip()

    def start(self, environment: Mapping[str, str] | None = None) -> RondeProcess:
        """Start a process."""
        name = f"partners-{len(self.processes)}"
        process = RondeProcess(name, ["partners", "--settings", self.file], self._folder / f"{name}.log")
        process.start(environment)
        self.processes.append(process)
        return process

    def client(self, process: RondeProcess, *scopes: str) -> httpx.Client:
        """A program with a token of these scopes."""
        token = tokens.add(self.settings.web.tokens_file, f"t{time.time_ns()}", scopes)
        address = eventually(lambda: process.field("partners listen", "address"), "it listens")
        return httpx.Client(base_url=str(address), headers={"Authorization": f"Bearer {token}"}, timeout=10)

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        """Nobody is connected to the database meanwhile, nor can be."""
        admin = self.settings.postgres.model_copy(update={"database": "postgres"})
        name = self.settings.postgres.database
        allow = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
        with connect(admin, "test") as database:
            database.execute(SQL(allow).format(Identifier(name), SQL("false")))
            try:
                database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
                yield
            finally:
                database.execute(SQL(allow).format(Identifier(name), SQL("true")))

    def dispatch(self, action: str = "REQUEST", number: int = 1, **fields: Any) -> dict[str, Any]:
        """Write a command as the engine does; its value."""
        now = time.time_ns() // 1_000_000
        value = {**json.loads(_COMMAND), "issued_at": now, "action": action, **fields}
        value.setdefault("respond_by", now + 120_000 if action == "REQUEST" else None)
        suffix = {"REQUEST": "r", "AMEND": "a", "CANCEL": "c"}[action]
        value.setdefault("command_id", f"{value['dispatch_id']}-{suffix}{number}")
        self.broker.put("dispatches", value["site_id"], encode("DispatchCommand", value))
        self.broker.flush()
        return value


_COMMAND: Final = """{
  "dispatch_id": "i1-d1", "attempt": 1, "incident_id": "i1", "site_id": "S14", "partner_id": "azur",
  "procedure": "SECURITY", "reason": "NOBODY_REACHED", "covert": false, "alert_kinds": ["INTRUSION"], "alert_count": 3,
  "first_alert_at": 1767222000000, "last_alert_at": null,
  "address": {"line1": "3 impasse du Lavoir", "line2": null, "postal_code": "74300", "city": "Cluses", "country": "FR"},
  "instructions": "Mind the dog.", "cause": "NOBODY_REACHED"
}"""


@pytest.fixture
def house(settings_file: SettingsFile, database: PostgresSettings, tmp_path: Path, run: Run) -> Iterator[House]:
    """Fresh topics, a fresh database."""
    file = settings_file(
        postgres={name: getattr(database, name) for name in ("host", "port", "database", "user")},
        web={name: str(tmp_path / f"{name}.json") for name in ("tokens_file", "users_file")},
        partners={"port": 0, "pages_port": 0, "id": "p", "public_url": "https://guards.example"},
    )
    made = House(file, tmp_path, run)
    yield made
    for process in made.processes:
        process.kill()


@pytest.fixture
def partners(database: PostgresSettings, tmp_path: Path) -> Iterator[Served]:
    """The process's parts over one database, and a partner that is asked over HTTP."""
    with serving(database, tmp_path) as served:
        with connect(database, "test") as session:
            enrol(session, PARTNER, "https://partner.example/", allow_private=False)
        yield served
