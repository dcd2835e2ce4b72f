"""The environment of a run: its prefix, folder, settings, scripts and processes."""

import json
import os
import secrets
import sys
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

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
OUTSIDE: Final = ("telephony", "partner")
RECEIVER: Final = "receiver"
PROCESSES: Final = ("worker", *OUTSIDE, RECEIVER)
RECEIVER_ID: Final = "demo"  # alerts name it as their source
SINK: Final = "sink"  # for a stage with a ledger
PARTNERS: Final = "partners"  # for a stage with a webhook
PORTAL: Final = "portal"  # for a stage with a ledger
DESK: Final = "desk"  # for a stage with a desk
WEBHOOK: Final = "webhook"  # the partner that is asked by webhook


class Ledger(NamedTuple):
    """Where a run's ledger is, and its sink's web pages."""

    host: str
    port: int
    database: str
    pages: str


class ReceiverPlace(NamedTuple):
    """Where panels reach the receiver, and where its web pages are."""

    port: int  # TCP
    pages: str


class PortalPlace(NamedTuple):
    """Where the portal's API is, and its pages of operation; where its programs' tokens are kept."""

    address: str
    pages: str
    tokens_file: Path


class DeskPlace(NamedTuple):
    """Where the desk's API is, and its pages of operation."""

    address: str
    pages: str


class Stage(NamedTuple):
    """The environment of one run; no other run shares its prefix or folder."""

    kafka: str  # host:port
    prefix: str
    folder: Path
    settings: Path
    pages: str  # where the worker's web pages are
    receiver: ReceiverPlace
    ledger: Ledger | None = None
    portal: PortalPlace | None = None
    partners_pages: str | None = None  # where the web pages of `ronde partners` are
    desk: DeskPlace | None = None


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
    receiver = ReceiverPlace(free_port(6070), f"http://{HOST}:{free_port(6068)}")
    pages = f"http://{HOST}:{free_port(6066)}"
    stage = Stage(kafka, f"{name}.", folder, folder / "settings.toml", pages, receiver)
    stage.settings.write_text(_settings(stage, name), encoding="utf-8")
    for script, text in (
        ("telephony", stories.as_json(stories.telephony_script(EVERY))),
        ("partner", stories.as_json(stories.partner_script(EVERY))),
    ):
        (folder / f"{script}.json").write_text(text, encoding="utf-8")
    return stage


def with_ledger(stage: Stage, host: str, port: int) -> Stage:
    """The stage with a ledger and a portal in a database of the run's name, in the settings too."""
    name = stage.folder.name
    ledger = Ledger(host, port, name, f"http://{HOST}:{free_port(6067)}")
    address, pages = (f"http://{HOST}:{free_port(usual)}" for usual in (6081, 6091))
    portal = PortalPlace(address, pages, stage.folder / "tokens.json")
    own = [
        "[sink]",
        f"group = {json.dumps(f'{name}-ledger')}",
        f"id = {json.dumps(name)}",
        f"port = {ledger.pages.rpartition(':')[2]}",
        f"data_dir = {json.dumps(str(stage.folder / 'sink'))}",
        "[postgres]",
        f"host = {json.dumps(host)}",
        f"port = {port}",
        f"database = {json.dumps(name)}",
        "[portal]",
        f"id = {json.dumps(name)}",
        f"port = {portal.address.rpartition(':')[2]}",
        f"pages_port = {portal.pages.rpartition(':')[2]}",
        f"data_dir = {json.dumps(str(stage.folder / 'portal'))}",
        "[web]",
        f"tokens_file = {json.dumps(str(portal.tokens_file))}",
    ]
    with stage.settings.open("a", encoding="utf-8") as settings:
        settings.write("\n" + "\n".join(own) + "\n")
    return stage._replace(ledger=ledger, portal=portal)


def with_webhook(stage: Stage) -> Stage:
    """The stage, which has a ledger, with `ronde partners` and one partner that it asks by webhook."""
    ports = {name: free_port(port) for name, port in (("partners", 6082), ("pages", 6092), ("webhook", 6093))}
    address = f"http://{HOST}:{ports['partners']}"
    assert stage.portal is not None, "a stage with a ledger has a portal"
    own = [
        "[partners]",
        f"id = {json.dumps(stage.folder.name)}",
        f"port = {ports['partners']}",
        f"pages_port = {ports['pages']}",
        f"public_url = {json.dumps(address)}",
        f"data_dir = {json.dumps(str(stage.folder / 'partners'))}",
    ]
    with stage.settings.open("a", encoding="utf-8") as settings:
        settings.write("\n" + "\n".join(own) + "\n")
    with connect(load(stage.settings, {}, WholeSettings).postgres, "ronde demo") as database:
        migrate(database)
        url = f"http://{HOST}:{ports['webhook']}/ronde"
        [secret] = enrol(database, stories.WEBHOOK_PARTNER, url, allow_private=True)
    token = tokens.add(stage.portal.tokens_file, "webhook", (f"partner:{stories.WEBHOOK_PARTNER}",))
    others, by_webhook = stories.split_script(stories.partner_script(EVERY))
    for name, text in (
        ("partner", stories.as_json(others)),
        ("webhook", stories.as_json(by_webhook)),
        ("way", json.dumps({"port": ports["webhook"], "secret": secret, "token": token, "ronde": address})),
    ):
        (stage.folder / f"{name}.json").write_text(text, encoding="utf-8")
    return stage._replace(partners_pages=f"http://{HOST}:{ports['pages']}")


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
                partial(_is_ready, _pages_of(stage, child.name)), READY_SECONDS, "was not ready (its page /ready)"
            )


def keep_metrics(stage: Stage) -> None:
    """Save the worker's current metrics in the run's folder. `Failed` if it does not answer."""
    try:
        answer = httpx.get(f"{stage.pages}/metrics", timeout=PAGE_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise Failed(
            f"the worker does not show its metrics: {error}; its log: {stage.folder / 'worker.log'}"
        ) from error
    (stage.folder / "metrics.txt").write_text(answer.text, encoding="utf-8")


def _settings(stage: Stage, name: str) -> str:
    """The run's own settings, then those that are shipped: JSON's strings are TOML's."""
    own = [
        f"prefix = {json.dumps(stage.prefix)}",
        "[kafka]",
        f'"bootstrap.servers" = {json.dumps(stage.kafka)}',
        "[worker]",
        f"group = {json.dumps(name)}",
        f"id = {json.dumps(name)}",
        f"port = {stage.pages.rpartition(':')[2]}",
        f"data_dir = {json.dumps(str(stage.folder / 'worker'))}",
        "[receiver]",
        f"id = {json.dumps(RECEIVER_ID)}",
        f"tcp_port = {stage.receiver.port}",
        "http_port = 0",
        f"pages_port = {stage.receiver.pages.rpartition(':')[2]}",
        f"wrapping_key = {json.dumps(secrets.token_hex(32))}",
        f"data_dir = {json.dumps(str(stage.folder / 'receiver'))}",
    ]
    return "\n".join(own) + "\n\n" + (files("ronde.demo") / "settings.toml").read_text(encoding="utf-8")


def _pages_of(stage: Stage, name: str) -> str:
    if name == RECEIVER:
        return stage.receiver.pages
    if stage.portal and name == PORTAL:
        return stage.portal.pages
    if name == PARTNERS:
        assert stage.partners_pages is not None
        return stage.partners_pages
    if stage.desk and name == DESK:
        return stage.desk.pages
    return stage.ledger.pages if stage.ledger and name == SINK else stage.pages


def _is_ready(pages: str) -> bool:
    try:
        return httpx.get(f"{pages}/ready", timeout=1).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
