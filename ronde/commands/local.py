"""`ronde local`: a real Kafka, a real PostgreSQL, and a Prometheus that looks on, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from ronde.local import prometheus, settings_file
from ronde.local.kafka import Kafka
from ronde.local.postgres import NAME, Postgres
from ronde.local.progress import fetching
from ronde.local.prometheus import RULES, TARGETS, Prometheus
from ronde.local.status import print_status
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption, in_force
from ronde.shared.terminal import nearest, say

DATA: Final = Path(".ronde")

DataOption: TypeAlias = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="The folder that holds everything of the local servers.")
]

app = typer.Typer(no_args_is_help=True)


@app.command()
def up(
    postgres: Annotated[bool, typer.Option("--postgres", help="Also PostgreSQL, for the ledger.")] = False,
    portal: Annotated[
        bool,
        typer.Option("--portal", help="Also PostgreSQL, the topics, and a home that `ronde portal` shows its owner."),
    ] = False,
    observe: Annotated[
        bool,
        typer.Option("--observe", help="Also Prometheus, if it is installed, on the usual ports of all processes."),
    ] = False,
    data: DataOption = DATA,
    as_json: JsonOption = False,
) -> None:
    """Start the local Kafka, fetching it first if need be; when it runs already, say so.

    Where the servers are is written to settings.toml in their folder.
    """
    if portal and as_json:
        raise WrongUse("--portal says a password once, which --json does not show: use one of them")
    kafka, database, observer = _servers(data)
    postgres = postgres or portal
    with _usable(data):
        with fetching() as progress:
            started = kafka.start(progress)
        database_started = database.start() if postgres else False
        watched = _observe(observer) if observe else ""
        way = settings_file.write(data, kafka, database)
    if as_json:
        print_status(kafka, database, observer, as_json=True)
        return
    state = "started" if started else "was running"
    say(f"Kafka {state}: {kafka.bootstrap_servers} (pid {kafka.pid}), in {data.absolute()}")
    if started:
        say(f"  its log   {kafka.log}")
    if postgres:
        state = "started" if database_started else "was running"
        say(f"PostgreSQL {state}: {database.address} (pid {database.pid}), database and role {NAME}")
    if database_started:
        say(f"  its log   {database.log}")
    if observe:
        say(watched)
    if started or database_started:
        _print_way(nearest(way), list(settings_file.strangers(kafka, database)))
    if portal:
        _print_home(way)


@app.command()
def down(data: DataOption = DATA, as_json: JsonOption = False) -> None:
    """Stop the local Kafka, PostgreSQL and Prometheus, cleanly; their data stays."""
    kafka, database, observer = _servers(data)
    with _usable(data):
        stopped, database_stopped, observer_stopped = kafka.stop(), database.stop(), observer.stop()
    if as_json:
        print_status(kafka, database, observer, as_json=True)
        return
    say("Kafka stopped" if stopped else f"Kafka was not running in {data.absolute()}")
    if database_stopped:
        say("PostgreSQL stopped")
    if observer_stopped:
        say("Prometheus stopped")


@app.command()
def status(data: DataOption = DATA, as_json: JsonOption = False) -> None:
    """Show whether the local servers run, where, and where their data and logs are."""
    with _usable(data):
        print_status(*_servers(data), as_json=as_json)


@contextmanager
def _usable(data: Path) -> Iterator[None]:
    """Raise `Failed` where a file or folder of the servers cannot be used."""
    try:
        yield
    except BrokenPipeError:  # a reader that has seen enough
        raise
    except OSError as error:
        raise Failed(
            f"{error.filename or data}: {error.strerror}. Free or correct it, or name another --data"
        ) from None


def _print_way(settings: str, strangers: list[str]) -> None:
    """Print how the next commands find the servers."""
    for stranger in strangers:
        say(f"  {stranger}: without these settings, commands go there")
    say(f"  for ronde --settings {settings}")


def _print_home(settings: Path) -> None:
    """Make the home and its owner's account, and print how to see it."""
    from ronde.local import first_home  # noqa: PLC0415 - heavy: Kafka's client, the portal

    effective = in_force(settings)
    password = first_home.prepare(effective)
    url = f"http://localhost:{effective.portal.port}"
    say(f"A home waits to be configured: ronde portal --settings {nearest(settings)}, then {url}")
    if password is None:
        say(f"  sign in as {first_home.OWNER}; for another password: ronde users password {first_home.OWNER}")
    else:
        say(f"  sign in as {first_home.OWNER}, password {password} (shown once)")


def _servers(data: Path) -> tuple[Kafka, Postgres, Prometheus]:
    """Return the servers of a data folder; nothing is there before their first start."""
    return Kafka(data / "kafka"), Postgres(data / "postgres"), Prometheus(data / "prometheus")


def _observe(observer: Prometheus) -> str:
    """Start Prometheus if it is installed; return a line about it, or why it is missing, which is not a failure."""
    if prometheus.program() is None:
        return "Prometheus is not installed, so nobody looks on: install the package `prometheus`, or do `make tools`"
    state = "started" if observer.start() else "was running"
    rules = f"the alerts of {RULES}" if RULES.is_dir() else "no alerts: there is no checkout"
    return (
        f"Prometheus {state}: {observer.url} (pid {observer.pid})\n"
        f"  its log   {observer.log}\n"
        f"  scrapes   {', '.join(TARGETS)}; with {rules}"
    )
