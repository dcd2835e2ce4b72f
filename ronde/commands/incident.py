"""`ronde incident`: one incident's timeline, to read or to export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ronde.shared.errors import Failed, WrongUse
from ronde.shared.ledger_options import IncidentArgument, PersonalOption, ledger
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Terminal, print_value, say
from ronde.views.incident.json_form import of_timeline
from ronde.views.incident.page import page
from ronde.views.incident.sealed_dossier import sealed_dossier
from ronde.views.incident.text import show as show_text
from sinks.ask.timeline import Timeline, timeline

app = typer.Typer(no_args_is_help=True)


@app.command()
def show(
    incident: IncidentArgument,
    personal: PersonalOption = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an incident: who was called, when, what they answered, why a guard was sent or not. Times are UTC."""
    timeline = _timeline(incident, settings, personal=personal)
    if as_json:
        print_value(of_timeline(timeline))
    else:
        show_text(Terminal(), timeline)


@app.command()
def export(
    incident: IncidentArgument,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write to.")] = Path(),
    sealed: Annotated[
        bool, typer.Option("--sealed", help="One zip instead: records, proofs, signed heads, and what verifies them.")
    ] = False,
    since_head: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="With --sealed: all heads from this one on, as it was published."),
    ] = None,
    until_head: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1, help="With --sealed: all heads up to this one (default: a day's more)."),
    ] = None,
    personal: PersonalOption = False,
    settings: SettingsOption = None,
) -> None:
    """Write an incident to two files, ID.html (needs nothing else, prints well) and ID.json.

    With --sealed, to ID.zip: every field of its records, as they are in the topics, personal or not.
    """
    if sealed:
        contents = {to / f"{incident}.zip": sealed_dossier(in_force(settings), incident, since_head, until_head)}
    elif since_head is not None or until_head is not None:
        raise WrongUse("--since-head and --until-head are for a sealed dossier: add --sealed, or leave them out")
    else:
        timeline = _timeline(incident, settings, personal=personal)
        contents = {
            to / f"{incident}.html": page(timeline).encode(),
            to / f"{incident}.json": json.dumps(of_timeline(timeline), indent=2).encode() + b"\n",
        }
    for path, content in contents.items():
        try:
            path.write_bytes(content)
        except OSError as error:
            raise Failed(f"{path}: {error.strerror}; name a folder that can be written to (--to)") from None
        say(str(path))


def _timeline(incident: str, settings: Path | None, *, personal: bool) -> Timeline:
    with ledger(settings, "incident") as connection:
        found = timeline(connection, incident, personal=personal)
    if found is None:
        raise Failed(f"the ledger has no incident {incident}: `ronde incidents` lists those it has")
    return found
