"""A comparison as one page: self-contained HTML with plots, to read, to print, to hand on."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from ronde.shared.plain import markup
from ronde.shared.times import day
from ronde.views.whatif.figures import Question
from ronde.views.whatif.plots import plots
from ronde.views.whatif.text import guards, head, lines, rows, verdicts
from streams.whatif.comparison import Comparison, Incident

_LONGEST: Final = 500  # incidents; --json has all


def page(question: Question, comparison: Comparison) -> str:
    """Return the whole page."""
    template = (files("ronde.views.whatif") / "page.html").read_text("utf-8")
    begin, end = comparison.begin or 0, comparison.end or 0
    incidents = [_incident(one) for one in comparison.listed[:_LONGEST]]
    if len(comparison.listed) > _LONGEST:
        incidents.append(f"<p>and {len(comparison.listed) - _LONGEST:,} more: --json has them all</p>")
    parts = {
        "title": f"What if: {comparison.incidents:,} incidents, {day(begin)} to {day(end)}",
        "changes": _paragraphs([f"{name}: {was} → {is_now}" for name, was, is_now in question.changes] or ["nothing"]),
        "verdicts": _paragraphs(list(verdicts(comparison))),
        "rows": "\n".join(
            f"<tr><td>{markup(name)}</td><td>{markup(was)}</td><td>{markup(is_now)}</td></tr>"
            for name, was, is_now in rows(comparison)
        ),
        "guards": markup(guards(comparison)),
        "plots": "\n".join(
            f"<figure>{plot}<figcaption>{caption}</figcaption></figure>" for plot, caption in plots(comparison)
        ),
        "incidents": "\n".join(incidents) or "<p>none</p>",
    }
    for name, text in parts.items():
        template = template.replace(f"<!-- {name} -->", text)
    return template


def _paragraphs(texts: list[str]) -> str:
    return "\n".join(f"<p>{markup(text)}</p>" for text in texts)


def _incident(incident: Incident) -> str:
    sides = []
    for name, side in (("in the log", incident.recorded), ("it would be", incident.played)):
        timeline = "".join(
            f"<li>{at} <code>{markup(rule)}</code> {markup(words)}</li>" for at, rule, words in lines(side)
        )
        sides.append(f"<div><p>{name}</p><ul>{timeline or '<li>none</li>'}</ul></div>")
    return f'<details><summary>{markup(head(incident))}</summary><div class="sides">{"".join(sides)}</div></details>'
