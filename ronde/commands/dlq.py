"""`ronde dlq`: look at dead letters, put them back, or discard them (contracts.md, Topics and Wire format)."""

from __future__ import annotations

from typing import Annotated

import typer

from ronde.commands import dlq_settle
from ronde.commands.dlq_settle import WORDS
from ronde.shared.dlq_options import PersonalOption, ids_of, selects_letters
from ronde.shared.errors import Failed
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value
from ronde.shared.topic_reading import opened, recorded
from ronde.views.dead_letters import letter as dlq_letter
from ronde.views.dead_letters import listing
from streams.dlq.log import find, survey, whole
from streams.kafka.dead_letters import LetterFilter

app = typer.Typer(no_args_is_help=True)


@app.command("list")
@selects_letters
def list_(
    selected: LetterFilter,
    everything: Annotated[
        bool, typer.Option("--all", help="List also what was put back or discarded; it is marked.")
    ] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, and count them by reason and topic."""
    with opened(in_force(settings), "reading") as (logs, _):
        found = survey(logs, selected)
    if as_json:
        letters = [
            listing.as_object(letter, found.notes.get(name))
            for name, letter in found.letters.items()
            if everything or name not in found.notes
        ]
        print_value({"letters": letters, "counts": listing.counts(found)})
    else:
        listing.print_list(found, all_of_them=everything)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `ronde dlq list` shows it.", show_default=False)],
    personal: PersonalOption = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter: where it came from, why it is one, its key, headers and value."""
    (name,) = ids_of([id_])
    effective = in_force(settings)
    with opened(effective, "reading") as (logs, _):
        found = find(logs, [name])
        if name not in found.letters:
            raise Failed(f"the dead letter {name} {WORDS['not there']}")
        letter = next(whole(logs, [name]))
        shown = dlq_letter.whole(letter, found.notes.get(name), recorded(effective), personal=personal)
    if as_json:
        print_value(shown)
    else:
        dlq_letter.print_whole(shown)


app.command()(dlq_settle.replay)
app.command()(dlq_settle.discard)
