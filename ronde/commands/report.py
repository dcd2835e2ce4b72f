"""`ronde report`: sums of the ledger, by day and procedure."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ronde.shared.ledger_options import ledger
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value, say
from ronde.shared.times import past_instant, span
from service.objectives import ObjectiveSettings, is_met
from sinks.ask.report import Day, Handling, handling
from sinks.ask.report import report as days


def report(
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="Incidents opened from then on: RFC 3339, or how long ago (2h, 7d)."),
    ] = "7d",
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sum up the ledger by the day (UTC) that incidents were opened and by procedure."""
    effective = in_force(settings)
    objectives = effective.objectives
    start = past_instant("--since", since)
    with ledger(settings, "report") as connection:
        found = days(connection, start, effective.canary.site)
        handled = handling(connection, start, objectives, effective.canary.site)
    if as_json:
        print_value([_json(one, handled, objectives) for one in found])
    elif found:
        _print(found, handled, objectives)
    else:
        say("no incidents")


def _json(one: Day, handled: list[Handling], objectives: ObjectiveSettings) -> dict[str, Any]:
    """Spans in milliseconds; percentiles by their number."""
    fields = one._asdict()
    fields["day"] = one.day.isoformat()
    for name in ("first_call", "wait", "response"):
        pair = fields.pop(name)
        fields[f"{name}_ms"] = None if pair is None else {"p50": round(pair[0]), "p95": round(pair[1])}
    fields["handling"] = [
        {
            "kind": row.kind,
            "calls": row.calls,
            "within": {str(seconds): count for seconds, count in row.within.items()},
            "targets": [
                {**target._asdict(), "met": is_met(target, row.within[target.seconds], row.calls)}
                for target in objectives.targets(row.kind)
            ],
        }
        for row in handled
        if (row.day, row.procedure) == (one.day, one.procedure)
    ]
    return fields


def _print(found: list[Day], handled: list[Handling], objectives: ObjectiveSettings) -> None:
    has_set_aside = any(one.set_aside for one in found)
    more = ("set aside",) if has_set_aside else ()
    ends = _table("incidents", "open", "resolved", "by callback", "by guard", "by operator", *more)
    calls = _table("first call after", "reached in round 1", "waits", "waited")
    partners = _table("dispatches", "answered", "after")
    for one in found:
        head = (one.day.isoformat(), one.procedure or "-")
        ended = [one.resolved, one.resolved_by_callback, one.intervention_closed, one.operator_closed]
        ended += [one.set_aside] if has_set_aside else []
        ends.add_row(*head, *map(str, (one.incidents, one.open, *ended)))
        reached = f"{one.reached_in_round_1 / one.called:.0%} of {one.called}" if one.called else "-"
        calls.add_row(*head, _pair(one.first_call), reached, str(one.waits), _pair(one.wait))
        partners.add_row(*head, str(one.dispatches), str(one.answered), _pair(one.response))
    console = Terminal()
    for table in (ends, calls, partners, *([_handling(handled, objectives)] if handled else [])):
        console.print(table)
        console.print()
    console.print("Times are the median and the 95th percentile. Days are those of the opening, UTC.", style="dim")


def _handling(handled: list[Handling], objectives: ObjectiveSettings) -> Listing:
    """First calls taken in time, by kind."""
    bounds = objectives.bounds
    table = _table("kind", "first calls", *(f"in {seconds} s" for seconds in bounds), "objective")
    for row in handled:
        shares = [f"{100 * row.within[seconds] / row.calls:.1f}%" for seconds in bounds]
        missed = [
            f"{target.percent:g}% in {target.seconds} s"
            for target in objectives.targets(row.kind)
            if not is_met(target, row.within[target.seconds], row.calls)
        ]
        verdict = f"missed: {', '.join(missed)}" if missed else "met"
        table.add_row(row.day.isoformat(), row.procedure or "-", row.kind, str(row.calls), *shares, verdict)
    return table


def _table(*columns: str) -> Listing:
    table = Listing("day", "procedure")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _pair(percentiles: list[float] | None) -> str:
    return "-" if percentiles is None else " / ".join(map(span, percentiles))
