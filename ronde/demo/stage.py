"""The environment of a run: its prefix, folder, settings, scripts and processes."""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import httpx

from edges.partners.enrolment import enrol
from edges.partners.sql import migrate
from edges.web import tokens
from ronde.demo import stories
from ronde.demo.outside import READING
from ronde.demo.processes import Child
from ronde.demo.stories import BACKGROUND, STORIES
from ronde.demo.webhook import LISTENING
from ronde.local.ports import HOST, free_port
from ronde.shared.errors import Failed
from ronde.shared.whole_settings import WholeSettings
from service.postgres import connect
from streams.settings import load

EVERY: Final = (*STORIES, *BACKGROUND)
FOLDER: Final = Path(".ronde/demo")  # the local Kafka, and each run under its prefix
READY_SECONDS: Final = 40.0
PAGE_SECONDS: Final = 5.0
SITES: Final = files("ronde.demo") / "sites.jsonl"
RONDE: Final = (sys.executable, "-c", "from ronde.cli import main; main()")  # `ronde`, of this very Python
WORKER: Final = "worker"
OUTSIDE: Final = ("telephony", "partner")
RECEIVER: Final = "receiver"
PROCESSES: Final = (WORKER, *OUTSIDE, RECEIVER)
RECEIVER_ID: Final = "demo"  # alerts name it as their source
SINK: Final = "sink"  # for a stage with a ledger
PARTNERS: Final = "partners"  # for a stage with a webhook
PORTAL: Final = "portal"  # for a stage with a ledger
DESK: Final = "desk"  # for a stage with a desk
WEBHOOK: Final = "webhook"  # the partner that is asked by webhook

Tables: TypeAlias = Mapping[str, Mapping[str, object]]
"""Settings by their table, by their key as TOML has it; those of the table "" come first, and stand in none."""


class Ledger(NamedTuple):
    """Where a run's ledger is."""

    host: str
    port: int
    database: str


class PortalPlace(NamedTuple):
    """Where the portal's API is; where its programs' tokens are kept."""

    address: str
    tokens_file: Path


class Stage(NamedTuple):
    """The environment of one run; no other run shares its prefix or folder."""

    kafka: str  # host:port
    prefix: str
    folder: Path
    settings: Path
    pages: Mapping[str, str]  # where the web pages of operation of each process are, by its name
    receiver_port: int  # TCP: where panels reach the receiver
    ledger: Ledger | None = None
    portal: PortalPlace | None = None
    desk: str | None = None  # where the desk's API is


def make_folder(folder: Path, *, may_exist: bool = False) -> None:
    """Make a folder under the current one. Raises `Failed`."""
    try:
        folder.mkdir(parents=True, exist_ok=may_exist)
    except OSError as error:
        raise Failed(f"{folder}: {error.strerror}. Start this in a folder that you may write in") from None


def prepare(kafka: str) -> Stage:
    """Create a fresh prefix and folder, with settings and scripts for the processes; no ledger yet."""
    name = f"demo-{secrets.token_hex(3)}"
    folder = FOLDER / name
    make_folder(folder)
    tcp, receiver, worker = (free_port(usual) for usual in (6070, 6068, 6066))
    pages = {WORKER: address(worker), RECEIVER: address(receiver)}
    stage = Stage(kafka, f"{name}.", folder, folder / "settings.toml", pages, tcp)
    own: Tables = {
        "": {"prefix": stage.prefix},
        "kafka": {'"bootstrap.servers"': kafka},
        "worker": {"group": name, "id": name, "port": worker, "data_dir": str(folder / WORKER)},
        "receiver": {
            "id": RECEIVER_ID,
            "tcp_port": tcp,
            "http_port": 0,
            "pages_port": receiver,
            "wrapping_key": secrets.token_hex(32),
            "data_dir": str(folder / RECEIVER),
        },
    }
    shipped = (files("ronde.demo") / "settings.toml").read_text(encoding="utf-8")
    stage.settings.write_text(f"{toml(own)}\n{shipped}", encoding="utf-8")
    for script, text in (
        ("telephony", stories.as_json(stories.telephony_script(EVERY))),
        ("partner", stories.as_json(stories.partner_script(EVERY))),
    ):
        (folder / f"{script}.json").write_text(text, encoding="utf-8")
    return stage


def with_ledger(stage: Stage, host: str, port: int) -> Stage:
    """The stage with a ledger and a portal in a database of the run's name, in the settings too."""
    name = stage.folder.name
    sink, api, pages = (free_port(usual) for usual in (6067, 6081, 6091))
    portal = PortalPlace(address(api), stage.folder / "tokens.json")
    own: Tables = {
        "sink": {"group": f"{name}-ledger", "id": name, "port": sink, "data_dir": str(stage.folder / SINK)},
        "postgres": {"host": host, "port": port, "database": name},
        "portal": {"id": name, "port": api, "pages_port": pages, "data_dir": str(stage.folder / PORTAL)},
        "web": {"tokens_file": str(portal.tokens_file)},
    }
    add_settings(stage, own)
    where = {**stage.pages, SINK: address(sink), PORTAL: address(pages)}
    return stage._replace(pages=where, ledger=Ledger(host, port, name), portal=portal)


def with_webhook(stage: Stage) -> Stage:
    """The stage, which has a ledger, with `ronde partners` and one partner that it asks by webhook."""
    ports = {name: free_port(port) for name, port in (("partners", 6082), ("pages", 6092), ("webhook", 6093))}
    public_url = address(ports["partners"])
    assert stage.portal is not None, "a stage with a ledger has a portal"
    own = {
        "id": stage.folder.name,
        "port": ports["partners"],
        "pages_port": ports["pages"],
        "public_url": public_url,
        "data_dir": str(stage.folder / PARTNERS),
    }
    add_settings(stage, {"partners": own})
    with connect(load(stage.settings, {}, WholeSettings).postgres, "ronde demo") as database:
        migrate(database)
        url = f"{address(ports['webhook'])}/ronde"
        [secret] = enrol(database, stories.WEBHOOK_PARTNER, url, allow_private=True)
    token = tokens.add(stage.portal.tokens_file, "webhook", (f"partner:{stories.WEBHOOK_PARTNER}",))
    others, by_webhook = stories.split_script(stories.partner_script(EVERY))
    for name, text in (
        ("partner", stories.as_json(others)),
        ("webhook", stories.as_json(by_webhook)),
        ("way", json.dumps({"port": ports["webhook"], "secret": secret, "token": token, "ronde": public_url})),
    ):
        (stage.folder / f"{name}.json").write_text(text, encoding="utf-8")
    return stage._replace(pages={**stage.pages, PARTNERS: address(ports["pages"])})


def address(port: int) -> str:
    """Where a process of a stage is reached."""
    return f"http://{HOST}:{port}"


def toml(tables: Tables) -> str:
    """The text of settings: JSON's strings are TOML's."""
    lines = []
    for table, values in tables.items():
        lines += [f"[{table}]"] if table else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def add_settings(stage: Stage, tables: Tables) -> None:
    """Add tables that the stage's settings do not have yet."""
    with stage.settings.open("a", encoding="utf-8") as settings:
        settings.write(f"\n{toml(tables)}")


def start(stage: Stage, name: str) -> Child:
    """Start one of the `PROCESSES`, or another one of the stage, its log in the run's folder."""
    if name in OUTSIDE:
        script = str(stage.folder / f"{name}.json")
        command = [sys.executable, "-m", f"ronde.demo.{name}"]
        command += ["--kafka", stage.kafka, "--prefix", stage.prefix, "--script", script]
    elif name == WEBHOOK:
        way, script = (str(stage.folder / f"{file}.json") for file in ("way", name))
        command = [sys.executable, "-m", f"ronde.demo.{name}", "--way", way, "--script", script]
    else:
        command = [*RONDE, name, "--settings", str(stage.settings)]
    # Settings of the surroundings are not the demonstration's.
    environ = {known: value for known, value in os.environ.items() if not known.startswith("RONDE_")}
    return Child(name, command, stage.folder / f"{name}.log", environ)


def wait_until_ready(stage: Stage, children: list[Child]) -> None:
    """Wait for ``/ready`` and until both outside systems read their topics; `Failed` names the one that does not."""
    for child in children:
        if child.name in OUTSIDE:
            child.wait_until(partial(child.said, f" {READING} "), READY_SECONDS, "did not read its topic")
        elif child.name == WEBHOOK:
            child.wait_until(partial(child.said, f" {LISTENING} "), READY_SECONDS, "did not listen")
        else:
            child.wait_until(
                partial(is_ready, stage.pages[child.name]), READY_SECONDS, "was not ready (its page /ready)"
            )


def keep_metrics(stage: Stage) -> None:
    """Save the worker's current metrics in the run's folder. `Failed` if it does not answer."""
    try:
        answer = httpx.get(f"{stage.pages[WORKER]}/metrics", timeout=PAGE_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise Failed(
            f"the worker does not show its metrics: {error}; its log: {stage.folder / 'worker.log'}"
        ) from error
    (stage.folder / "metrics.txt").write_text(answer.text, encoding="utf-8")


def is_ready(pages: str) -> bool:
    """Whether the process with these pages of operation is ready."""
    try:
        return httpx.get(f"{pages}/ready", timeout=1).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
