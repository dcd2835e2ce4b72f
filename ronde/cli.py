"""The command line: one file a command, put together here."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from ronde.commands import (
    action,
    answer,
    demo,
    dlq,
    incident,
    incidents,
    ledger,
    local,
    quarantined,
    replay,
    report,
    schemas,
    send,
    settings,
    simulate,
    sink,
    sites,
    topics,
    verify,
    worker,
)
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.terminal import Terminal, as_typed, print_in_any_encoding, say
from streams.runtime import native_form

app = typer.Typer(
    name="ronde",
    help="The call-round engine for alarm monitoring: from an alert to the guard, on Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("simulate")(simulate.simulate)
app.command("send")(send.send)
app.command("answer")(answer.answer)
app.command("quarantined")(quarantined.quarantined)
app.command("worker")(worker.worker)
app.command("sink")(sink.sink)
app.command("incidents")(incidents.incidents)
app.command("report")(report.report)
app.command("settings")(settings.settings)
app.command("demo")(demo.demo)
app.command("replay")(replay.replay)
app.command("verify")(verify.verify)
app.add_typer(action.app, name="action")
app.add_typer(dlq.app, name="dlq")
app.add_typer(topics.app, name="topics")
app.add_typer(sites.app, name="sites")
app.add_typer(schemas.app, name="schemas")
app.add_typer(incident.app, name="incident")
app.add_typer(ledger.app, name="ledger")
app.add_typer(local.app, name="local")


def _version(asked: bool) -> None:
    if asked:
        say(f"ronde {version('ronde')}")
        raise typer.Exit


@app.callback()
def common(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """The call-round engine for alarm monitoring: from an alert to the guard, on Kafka."""


def main() -> None:
    """Run a command; exit 0 done, 1 failed, 2 wrong use."""
    print_in_any_encoding()
    native_form.use()
    try:
        app()
    except (Failed, WrongUse) as error:
        Terminal(stderr=True).print(as_typed(f"ronde: {error}"), soft_wrap=True)
        sys.exit(2 if isinstance(error, WrongUse) else 1)
