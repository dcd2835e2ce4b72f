"""An incident's timeline on a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.text import Text

from ronde.shared.plain import one_line
from ronde.shared.terminal import Listing
from ronde.shared.times import after, clock, date_and_time, day, span
from ronde.views.incident.edge_words import entries
from ronde.views.incident.words import input_line, output_lines, rule
from sinks.ask.incidents import Incident
from sinks.ask.timeline import Step, Timeline

_COLOURS = {
    "CALLING": "cyan",
    "CONFIRMING": "cyan",
    "WAITING": "yellow",
    "DISPATCHED": "magenta",
    "HANDED_OVER": "red",
    "CLOSED": "green",
}


def show(console: Console, timeline: Timeline) -> None:
    """Print it."""
    console.print(Group(*(Text(line, "bold" if not number else "") for number, line in enumerate(head(timeline)))))
    table = Listing()
    for column in ("time", "after", "what came, what went out", "decision"):
        table.add_column(column, justify="right" if column == "after" else "left", no_wrap=column in {"time", "after"})
    opened_at = timeline.incident.opened_at
    last_day = day(opened_at)
    for at, entry in entries(timeline):
        if day(at) != last_day:
            last_day = day(at)
            table.add_row(Text(last_day, "dim"))
        cells = (Text(entry, "dim"), "") if isinstance(entry, str) else (_happened(entry), _decision(entry))
        table.add_row(clock(at), after(at - opened_at), *cells)
    console.print()
    console.print(table)


def head(timeline: Timeline) -> list[str]:
    """The incident in a few lines."""
    incident = timeline.incident
    lines = [
        f"incident {incident.incident_id}, site {incident.site_id}, {incident.procedure or incident.procedure_version}",
        _times(incident),
        _counts(incident),
    ]
    if timeline.steps and timeline.steps[0].version > 1:
        lines.append("its first decisions are no longer in the ledger")
    return [one_line(line) for line in lines]


def _times(incident: Incident) -> str:
    opened = f"opened {date_and_time(incident.opened_at)} UTC"
    if incident.set_aside_at is not None:
        end = f"{clock(incident.set_aside_at)}, after {span(incident.set_aside_at - incident.opened_at)}"
        return f"{opened}, set aside by the engine {end}: it stood at {incident.phase}"
    if incident.closed_at is None:
        until = f", goes on by itself at {clock(incident.deadline)}" if incident.deadline is not None else ""
        return f"{opened}, open: {incident.phase}{until}"
    closed = f"{clock(incident.closed_at)}, after {span(incident.closed_at - incident.opened_at)}"
    disposition = f" ({incident.disposition})" if incident.disposition else ""
    return f"{opened}, closed {closed}: {incident.outcome}{disposition}"


def _counts(incident: Incident) -> str:
    parts = [
        _number(incident.alerts, "alert"),
        f"{_number(incident.calls, 'call')} in {_number(incident.rounds, 'round')}",
        _number(incident.dispatches, "dispatch", "dispatches"),
        _number(incident.attentions, "attention"),
    ]
    if incident.wait_started_at is not None and incident.wait_ended_at is not None:
        parts.append(f"waited {span(incident.wait_ended_at - incident.wait_started_at)}")
    return ", ".join(parts)


def _number(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def _happened(step: Step) -> Text:
    text = Text(input_line(step))
    for line in output_lines(step):
        text.append(f"\n→ {line}", "dim")
    return text


def _decision(step: Step) -> Text:
    text = Text(rule(step), _COLOURS.get(step.phase_to or "", ""))
    text.append(f"\n{step.rule}", "dim")
    if step.phase_to != step.phase_from:
        text.append(f" → {step.phase_to}", "dim")
    return text
