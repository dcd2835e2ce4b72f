"""An incident as one page: self-contained HTML, to read, to print, to hand to an insurer."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from ronde.shared.plain import markup
from ronde.shared.times import after, clock, day, span
from ronde.views.incident.drawing import draw
from ronde.views.incident.edge_words import entries
from ronde.views.incident.text import head
from ronde.views.incident.words import ending, input_line, output_lines, rule
from sinks.ask.timeline import Alert, Report, Step, Timeline


def page(timeline: Timeline) -> str:
    """The whole page."""
    incident = timeline.incident
    title, *facts = head(timeline)
    template = (files("ronde.views.incident") / "page.html").read_text("utf-8")
    parts = {
        "title": markup(title[:1].upper() + title[1:]),
        "phase": markup((incident.phase or "").lower() if incident.set_aside_at is None else "set_aside"),
        "ending": markup(_ending(timeline)),
        "facts": "\n".join(f"<p>{markup(fact)}</p>" for fact in facts),
        "spans": "\n".join(f"<div><dt>{name}</dt><dd>{length}</dd></div>" for name, length in _spans(timeline)),
        "drawing": draw(timeline.steps, incident.set_aside_at),
        "steps": "\n".join(_rows(timeline)),
    }
    for name, text in parts.items():
        template = template.replace(f"<!-- {name} -->", text)
    return template


def _ending(timeline: Timeline) -> str:
    text = ending(timeline.incident)
    return f"closed {text}" if text.startswith("by ") else text


def _spans(timeline: Timeline) -> Iterator[tuple[str, str]]:
    """How long each thing took, counted from the opening unless its name says otherwise."""
    incident = timeline.incident
    first = timeline.steps[0].came if timeline.steps else None
    if isinstance(first, Alert) and incident.first_call_at is not None:
        yield "alert to first call", span(incident.first_call_at - first.raised_at)
    arrived = next(
        (step.at for step in timeline.steps if isinstance(step.came, Report) and step.came.status == "ON_SITE"), None
    )
    for name, instant in (
        ("guard asked after", incident.dispatched_at),
        ("guard there after", arrived),
        ("handed over after", incident.handed_over_at),
        ("closed after", incident.closed_at),
        ("set aside after", incident.set_aside_at),
    ):
        if instant is not None:
            yield name, span(instant - incident.opened_at)
    if incident.wait_started_at is not None and incident.wait_ended_at is not None:
        yield "waited", span(incident.wait_ended_at - incident.wait_started_at)


def _rows(timeline: Timeline) -> Iterator[str]:
    last_day = ""
    opened_at = timeline.incident.opened_at
    for at, entry in entries(timeline):
        if day(at) != last_day:
            last_day = day(at)
            yield f'<tr class="day"><th colspan="4">{last_day}</th></tr>'
        yield _line(at, entry, opened_at) if isinstance(entry, str) else _row(entry, opened_at)


def _line(at: int, line: str, opened_at: int) -> str:
    return (
        f'<tr class="edge"><td>{clock(at)}</td><td>{after(at - opened_at)}</td><td colspan="2">{markup(line)}</td></tr>'
    )


def _row(step: Step, opened_at: int) -> str:
    sent = "".join(f"<li>{markup(line)}</li>" for line in output_lines(step))
    phase = f" → {markup(step.phase_to or '')}" if step.phase_to != step.phase_from else ""
    return (
        f'<tr class="{markup((step.phase_to or "").lower())}"><td>{clock(step.at)}</td>'
        f"<td>{after(step.at - opened_at)}</td>"
        f"<td>{markup(input_line(step))}{f'<ul>{sent}</ul>' if sent else ''}</td>"
        f"<td>{markup(rule(step))}<br><code>{markup(step.rule)}{phase}</code></td></tr>"
    )
