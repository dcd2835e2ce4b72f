"""An incident as one page: self-contained HTML, to read, to print, to hand to an insurer."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from ronde.incident_drawing import draw
from ronde.incident_text import head
from ronde.incident_words import after, came, clock, day, done, rule
from sinks.timeline import Step, Timeline


def page(timeline: Timeline) -> str:
    """The whole page."""
    title, *facts = head(timeline)
    template = (files("ronde") / "incident_page.html").read_text("utf-8")
    parts = {
        "title": escape(title[:1].upper() + title[1:]),
        "facts": "\n".join(f"<p>{escape(fact)}</p>" for fact in facts),
        "drawing": draw(timeline.steps),
        "steps": "\n".join(_rows(timeline)),
    }
    for name, text in parts.items():
        template = template.replace(f"<!-- {name} -->", text)
    return template


def _rows(timeline: Timeline) -> Iterator[str]:
    last_day = ""
    for step in timeline.steps:
        if day(step.at) != last_day:
            last_day = day(step.at)
            yield f'<tr class="day"><th colspan="4">{last_day}</th></tr>'
        yield _row(step, timeline.incident.opened_at)


def _row(step: Step, opened_at: int) -> str:
    sent = "".join(f"<li>{escape(line)}</li>" for line in done(step))
    phase = f" → {escape(step.phase_to or '')}" if step.phase_to != step.phase_from else ""
    return (
        f'<tr class="{escape((step.phase_to or "").lower())}"><td>{clock(step.at)}</td>'
        f"<td>{after(step.at - opened_at)}</td>"
        f"<td>{escape(came(step))}{f'<ul>{sent}</ul>' if sent else ''}</td>"
        f"<td>{escape(rule(step.rule))}<br><code>{escape(step.rule)}{phase}</code></td></tr>"
    )
