"""The command line: every command, the module that defines it, and how it ends."""

import sys
from typing import Annotated, Final

import typer

from ronde.shared.encoding import print_in_any_encoding
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.lazy_group import lazy_group
from streams.runtime import native_form

# As the help lists them. `ronde.commands.NAME` defines each: a function of this name, or a group named `app`.
COMMANDS: Final = {
    "simulate": "Play inputs through the procedure in virtual time, without Kafka.",
    "send": "Send inputs to Kafka: checked, keyed by their site, acknowledged, and what comes of them shown.",
    "answer": "Say what came of a call that ronde asked for, and see what it decides.",
    "quarantined": "List the sites whose alerts opened nothing: why, what is missing, how many, since when.",
    "worker": (
        "Decide alerts: read the inputs, run the procedures, write commands and decisions. Ends on SIGTERM or Ctrl-C."
    ),
    "sink": "Write decisions, commands, results and reports into the ledger (PostgreSQL). Ends on SIGTERM or Ctrl-C.",
    "partners": "Ask partners over HTTP and take their reports; add partners, look at attempts.",
    "portal": "Serve the portal, where customers configure the service, or load sites into it.",
    "receiver": (
        "Take alarms from panels (DC-09 over TCP, UDP, TLS) and over HTTP into Kafka. Ends on SIGTERM or Ctrl-C."
    ),
    "desk": (
        "Serve operators their calls, attentions and incidents, for browsers and by HTTP. Ends on SIGTERM or Ctrl-C."
    ),
    "watchdog": (
        "Watch the engine by its records, and report what is wrong within a minute. Ends on SIGTERM or Ctrl-C."
    ),
    "incidents": "List incidents of the ledger, the latest first. Times are UTC.",
    "report": "Sum up the ledger by the day (UTC) that incidents were opened and by procedure.",
    "panel": "Send a panel's frames to a receiver, and repeat each until it is acknowledged.",
    "settings": "Check the settings and show every one in force: its value, and where it comes from.",
    "demo": "Play thirteen stories at once on thirty invented sites: from an alert to the guard.",
    "play": "Start everything on this machine, and a page with a panel's buttons: you take the calls. Ends on Ctrl-C.",
    "replay": (
        "Read what came in for a site, decide it again at the recorded times, and compare with what was decided then."
    ),
    "whatif": (
        "Decide the incidents of the topics again under another procedure, and show what would have ended otherwise."
    ),
    "verify": (
        "Read the topics and add up: inputs = decided + quarantined + dead-lettered, for every topic and partition."
    ),
    "action": "Close an incident, or send a guard, as an operator.",
    "dlq": "Look at dead letters, put them back, or discard them.",
    "topics": "Make the topics on the broker, compare them with the contract, say who may use which.",
    "sites": "Judge a file of sites, load it into Kafka, look at a site, put it on test.",
    "transmitters": "Load a file of transmitters into Kafka, list them, look at one, see what became of its frames.",
    "schemas": "The schemas and their versions, and the gate that a change must pass.",
    "incident": "One incident's timeline, from the ledger; or its sealed dossier.",
    "seal": "Keep the hash of every record in a signed tree, so that a dossier can be checked by others.",
    "tokens": "Bearer tokens of machines: for HTTP alerts, portal, partners, desk.",
    "users": "Accounts of people: who may sign in to portal, desk and partners' pages, and their roles.",
    "ledger": "The ledger's shape, its memory, and what it forgets.",
    "local": "A real Kafka and PostgreSQL on this machine, from packages alone: no Docker, no root, no installed Java.",
}
# Commands that need optional dependencies of ronde, and the name of these.
EXTRAS: Final = {
    "demo": "edges,local",
    "desk": "edges",
    "local": "local",
    "panel": "edges",
    "partners": "edges",
    "play": "edges,local",
    "portal": "edges",
    "receiver": "edges",
    "seal": "edges",
    "transmitters": "edges",
    "watchdog": "edges",
}

app = typer.Typer(
    name="ronde",
    cls=lazy_group("ronde.commands", COMMANDS, EXTRAS),
    help="The call-round engine for alarm monitoring: from an alert to the guard, on Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        from importlib.metadata import version  # noqa: PLC0415 - takes a tenth of the start of every command

        sys.stdout.write(f"ronde {version('ronde')}\n")
        raise typer.Exit


@app.callback()
def common(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """The call-round engine for alarm monitoring: from an alert to the guard, on Kafka."""


def _check_text(arguments: list[str]) -> None:
    """Raise `WrongUse` for an argument in another encoding than the terminal's: it could not be sent on."""
    for number, argument in enumerate(arguments, start=1):
        if any("\ud800" <= sign <= "\udfff" for sign in argument):
            raise WrongUse(f"argument {number} is not text in the encoding of this terminal ({argument!a})")


def main() -> None:
    """Run a command; exit 0 done, 1 failed, 2 wrong use."""
    print_in_any_encoding()
    native_form.use()
    try:
        _check_text(sys.argv[1:])
        app()
    except (Failed, WrongUse) as error:
        from ronde.shared.terminal import Terminal, as_typed  # noqa: PLC0415 - rich, which a command may not need

        Terminal(stderr=True).print(as_typed(f"ronde: {error}"), soft_wrap=True)
        sys.exit(2 if isinstance(error, WrongUse) else 1)
