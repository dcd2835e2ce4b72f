"""The play from start to end: servers, processes, homes; then what to do, and waiting for Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.text import Text

from edges.panel.dialler import Way
from edges.web import accounts, tokens
from edges.web.server import WebServer
from ronde.demo.evidence import create_database
from ronde.demo.interrupts import Interrupts
from ronde.demo.processes import Child
from ronde.demo.stage import READY_SECONDS, RONDE, address, is_ready, make_folder, toml
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.local.progress import fetch_kafka, fetch_postgres, step
from ronde.play.homes import ACCOUNTS, HOMES, PARTNER, PASSWORD, sites, transmitters
from ronde.play.panel_page import PanelPage
from ronde.shared.errors import Failed
from ronde.shared.whole_settings import WholeSettings
from service import logs
from streams.kafka import topics
from streams.settings import load

FOLDER: Final = Path(".ronde")
DATABASE: Final = "play"
PROCESSES: Final = ("worker", "receiver", "sink", "portal", "partners", "desk")
PORTS: Final = {  # the usual ones, where they are free
    "receiver": 6070, "desk": 6080, "portal": 6081, "partners": 6082, "panel": 6083,
    "worker.pages": 6066, "sink.pages": 6067, "receiver.pages": 6068, "desk.pages": 6090, "portal.pages": 6091,
    "partners.pages": 6092,
}  # fmt: skip
WAIT_SECONDS: Final = 60  # between the rounds of calls; every day it is ten minutes
CHECK_SECONDS: Final = 0.5


class Place:
    """The play's folder and ports; ``ports`` by process, and by process and ``.pages``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.users, self.tokens = folder / "users.json", folder / "tokens.json"
        self.ports = {name: free_port(usual) for name, usual in PORTS.items()}

    def url(self, name: str) -> str:
        """Where browsers reach a process; by name, as cookies of `localhost` need no TLS."""
        return f"http://localhost:{self.ports[name]}"

    def text(self, kafka: str, postgres: int) -> str:
        """The settings of all processes."""
        tables: dict[str, dict[str, object]] = {
            "kafka": {'"bootstrap.servers"': kafka},
            "topics": {"partitions": 3},
            "postgres": {"host": HOST, "port": postgres, "database": DATABASE},
            "web": {
                "users_file": str(self.users),
                "tokens_file": str(self.tokens),
                "session_key": secrets.token_hex(32),
            },
            "worker": {"catch_up_seconds": 1},
            "sink": {},
            "receiver": {"tcp_port": self.ports["receiver"], "http_port": 0, "wrapping_key": secrets.token_hex(32)},
            "desk": {"port": self.ports["desk"]},
            "portal": {"port": self.ports["portal"]},
            "partners": {"port": self.ports["partners"], "public_url": self.url("partners")},
        }
        for name in PROCESSES:
            key = "port" if name in {"worker", "sink"} else "pages_port"
            tables[name] |= {
                "id": "play", key: self.ports[f"{name}.pages"], "data_dir": str(self.folder / name)
            }  # fmt: skip
        for name in ("SECURITY", "FIRE"):
            tables[f"procedures.{name}"] = {"version": f"{name.lower()}/play", "wait_seconds": WAIT_SECONDS}
        return toml(tables)


def play(console: Console) -> None:
    """Start everything, say what to do, wait for Ctrl-C, end everything. Raises `Failed` when a part does not run."""
    logs.configure("console", "warning")  # the panels' page is served here: its requests are not for this terminal
    folder = FOLDER / f"play-{secrets.token_hex(3)}"
    make_folder(folder)
    with Interrupts() as interrupts, ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            _Play(console, stack, interrupts, Place(folder)).run()
        except KeyboardInterrupt:
            console.print()
        finally:
            interrupts.ignore()
            with console.status("ending what was started …"):
                stack.close()
    console.print("ended; nothing is left")


class _Play:
    """One run of the play. Everything it starts is on the exit stack before another step can fail."""

    def __init__(self, console: Console, stack: ExitStack, interrupts: Interrupts, place: Place) -> None:
        self._console, self._stack, self._interrupts, self._place = console, stack, interrupts, place
        # Settings of the surroundings are not the play's.
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}

    def run(self) -> None:
        place = self._place
        place.settings.write_text(place.text(self._kafka(), self._postgres()), encoding="utf-8")
        with step(self._console, "creating topics and accounts"):
            topics.create(load(place.settings, {}, WholeSettings))
            for name, role in ACCOUNTS:
                accounts.add(place.users, name, role, (), PASSWORD)
            token = tokens.add(place.tokens, "play", ("portal:*",))
        with step(self._console, "loading homes and panels"):
            self._import("transmitters", transmitters())
            self._import("portal", sites())
        with step(self._console, "starting panels, receiver, worker, sink, desk, portal, partners"):
            self._ronde("partners", "add", PARTNER, "--url", f"http://{HOST}:{place.ports['panel']}/webhook",
                        "--allow-private")  # fmt: skip
            children = [self._start(name) for name in PROCESSES]
            for child in children:
                pages = address(place.ports[f"{child.name}.pages"])
                child.wait_until(partial(is_ready, pages), READY_SECONDS, "was not ready")
            self._serve_panels()
        with step(self._console, "waiting until the engine knows the homes"):
            children[0].wait_until(lambda: self._knows_homes(token), READY_SECONDS, "did not take the homes")
        self._say()
        while True:
            time.sleep(CHECK_SECONDS)
            for child in children:
                child.check()

    # --- what it starts ---------------------------------------------------------------------------

    def _kafka(self) -> str:
        broker = Kafka(self._place.folder / "kafka")
        fetch_kafka()
        with step(self._console, "starting Kafka"), self._interrupts.held():
            self._stack.callback(broker.stop)
            broker.start()
        return broker.bootstrap_servers

    def _postgres(self) -> int:
        server = Postgres(self._place.folder / "postgres")
        fetch_postgres(self._console)
        with step(self._console, "starting PostgreSQL"), self._interrupts.held():
            self._stack.callback(server.stop)
            server.start()
            create_database(server, DATABASE)
        return server.port or 0

    def _start(self, name: str) -> Child:
        with self._interrupts.held():
            command = [*RONDE, name, "--settings", str(self._place.settings)]
            child = Child(name, command, self._place.folder / f"{name}.log", self._environ)
            self._stack.callback(child.stop)
        return child

    def _ronde(self, *arguments: str) -> None:
        command = [*RONDE, *arguments, "--settings", str(self._place.settings)]
        ran = subprocess.run(  # noqa: S603 - our own command line
            command, env=self._environ, stdin=subprocess.DEVNULL, text=True, capture_output=True, check=False
        )
        if ran.returncode:
            raise Failed(f"ronde {' '.join(arguments)}: {ran.stdout}{ran.stderr}")

    def _import(self, name: str, lines: Iterator[str]) -> None:
        file = self._place.folder / f"{name}.jsonl"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._ronde(name, "import", str(file))

    def _serve_panels(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="panels", daemon=True)
        thread.start()

        async def serve() -> tuple[PanelPage, WebServer]:
            page = PanelPage(Way(HOST, self._place.ports["receiver"]), self._place.url("desk"))
            server = WebServer(page.app, HOST, self._place.ports["panel"])
            await server.start()
            return page, server

        page, server = asyncio.run_coroutine_threadsafe(serve(), loop).result(READY_SECONDS)

        def end() -> None:
            page.close()
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(READY_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

        self._stack.callback(end)

    def _knows_homes(self, token: str) -> bool:
        """Whether the engine has judged what the portal has passed on."""
        url = f"http://{HOST}:{self._place.ports['portal']}/v1/sites"
        for home in HOMES:
            try:
                answer = httpx.get(
                    f"{url}/{home.site_id}/service", headers={"Authorization": f"Bearer {token}"}, timeout=5
                )
            except httpx.TransportError:
                return False
            if answer.status_code != httpx.codes.OK or not (answer.json().get("engine") or {}).get("ready"):
                return False
        return True

    # --- what it says -----------------------------------------------------------------------------

    def _say(self) -> None:
        place, out = self._place, self._console
        out.print()
        for name, words in (("panel", "panels"), ("desk", "desk"), ("portal", "portal"), ("partners", "guard's page")):
            where = f"{place.url(name)}/" + ("guard (the panels' page has the links)" if name == "partners" else "")
            out.print(Text.assemble((f"  {words:<14}", "bold"), where), soft_wrap=True)
        people = ", ".join(f"{name} ({role})" for name, role in ACCOUNTS)
        out.print(
            Text.assemble(("  sign in as    ", "bold"), people, "; password ", (PASSWORD, "bold")), soft_wrap=True
        )
        home = HOMES[0]
        person = home.people[0]
        steps = (files("ronde.play") / "steps.txt").read_text(encoding="utf-8")
        out.print(steps.format(site=home.site_id, person=person), soft_wrap=True, markup=False, highlight=False)
