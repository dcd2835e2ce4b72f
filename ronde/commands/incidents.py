"""`ronde incidents`: the incidents of the ledger, the latest first."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.text import Text

from ronde.shared.errors import WrongUse
from ronde.shared.ledger_options import SinceOption, ledger
from ronde.shared.settings import JsonOption, SettingsOption
from ronde.shared.terminal import Listing, Terminal, print_value, say
from ronde.shared.times import date_and_minute, past_instant, span
from ronde.views.incident.json_form import of_incident
from ronde.views.incident.words import ending
from sinks.ask.incidents import OUTCOMES, Incident, IncidentFilter, find

USUAL_LIMIT: Final = 50
_WIDE: Final = 100  # columns of a terminal that has room for more


def incidents(
    open_: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    site: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this site.")] = None,
    since: SinceOption = None,
    outcome: Annotated[str | None, typer.Option(metavar="RULE", help="Only those closed by this rule.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="At most so many.")] = USUAL_LIMIT,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents of the ledger, the latest first. Times are UTC."""
    if outcome is not None and outcome.upper() not in OUTCOMES:
        raise WrongUse(f"--outcome: no rule {outcome!r} closes an incident; there are {', '.join(OUTCOMES)}")
    incident_filter = IncidentFilter(
        open=open_,
        site=site,
        since=None if since is None else past_instant("--since", since),
        outcome=None if outcome is None else outcome.upper(),
        limit=limit + 1,
    )
    with ledger(settings, "incidents") as connection:
        found = find(connection, incident_filter)
    shown = found[:limit]
    if as_json:
        print_value([of_incident(one) for one in shown])
        return
    _print(shown)
    if len(found) > limit:
        say(f"the latest {limit}; there are more (--limit)")


def _print(found: list[Incident]) -> None:
    if not found:
        say("no incident of the ledger matches")
        return
    console = Terminal()
    has_room = console.width >= _WIDE
    table = Listing(gap=1)
    for column in (
        "opened",
        "incident",
        "site",
        "procedure",
        "now",
        "took",
        *(("calls", "guards") if has_room else ()),
    ):
        table.add_column(column, no_wrap=column not in {"site", "now"})
    for one in found:
        ended_at = one.ended_at
        table.add_row(
            date_and_minute(one.opened_at),
            one.incident_id,
            one.site_id,
            one.procedure or "-",
            Text(ending(one), "bold yellow" if ended_at is None else ""),
            "open" if ended_at is None else span(ended_at - one.opened_at, units=1),
            *((str(one.calls), str(one.dispatches)) if has_room else ()),
        )
    console.print(table)
