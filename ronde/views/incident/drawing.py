"""An incident's timeline drawn: a lane each for the phase, the alerts, the calls, the partners and the operators.

An SVG that takes its colours from the page around it (`ronde.views.incident.page`). An incident has seconds that
matter and hours that pass, so the distance between two decisions grows with the logarithm of the time between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log2
from typing import Final

from ronde.shared.plain import markup
from ronde.shared.times import clock, span
from ronde.views.incident.words import input_line, outcome, output_line, status
from sinks.ask.timeline import Action, Alert, Attention, Call, Dispatch, Report, Result, Step

WIDTH: Final = 960
_LEFT: Final = 96  # where the first decision is; before it, the names of the lanes
_RIGHT: Final = 24
_LANES: Final = ("phase", "alerts", "calls", "partners", "operators")
_LANE: Final = 50
_BAR: Final = 22
_TOP: Final = 4
_HEIGHT: Final = _TOP + _LANE * len(_LANES) + 32
_LETTER: Final = 7  # about the width of a letter
_NOTE_LETTER: Final = 5.8  # of a letter below a bar
_LABEL: Final = 62  # from one time on the axis to the next


def draw(steps: Sequence[Step], set_aside_at: int | None = None) -> str:
    """The drawing of an incident's decisions, and of its site being set aside; empty when there are none."""
    if not steps:
        return ""
    times = [*(step.at for step in steps), *([] if set_aside_at is None else [set_aside_at])]
    places = _places(times)
    parts = [*_names(), *_phases(steps, places, times), *_calls(steps, places), *_partners(steps, places)]
    parts += [*_marks(steps, places), *_notes(steps, places), *_axis(times, places)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {_HEIGHT}" role="img" aria-label="The timeline, drawn">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def _places(times: Sequence[int]) -> list[float]:
    """The horizontal place of each time, then that of the right margin."""
    gaps = [1 + log2(1 + (after - before) / 1000) for before, after in pairwise(times)]
    gaps.append(4)  # a tail for what is open
    scale = (WIDTH - _LEFT - _RIGHT) / sum(gaps)
    places = [float(_LEFT)]
    for gap in gaps:
        places.append(places[-1] + gap * scale)
    return places


def _middle(lane: str) -> float:
    return _TOP + _LANE * (_LANES.index(lane) + 0.5)


def _names() -> Iterator[str]:
    for lane in _LANES:
        y = _middle(lane)
        yield f'<text class="lane" x="8" y="{y + 4:.0f}">{lane}</text>'
        yield f'<line class="rail" x1="{_LEFT}" y1="{y:.0f}" x2="{WIDTH - _RIGHT}" y2="{y:.0f}"/>'


def _bar(lane: str, begin: float, end: float, kind: str, label: str, title: str) -> str:
    width = max(end - begin, 3)
    text = f'<text x="{begin + 5:.1f}" y="{_middle(lane) + 4:.0f}">{markup(label)}</text>'
    fits = width > len(label) * _LETTER + 8
    return (
        f'<g class="bar {kind.lower()}"><rect x="{begin:.1f}" y="{_middle(lane) - _BAR / 2:.0f}" width="{width:.1f}" '
        f'height="{_BAR}" rx="3"/>{text if fits else ""}<title>{markup(title)}</title></g>'
    )


def _mark(lane: str, place: float, kind: str, title: str) -> str:
    """A dot on the lane, or on the lower edge of its bars."""
    y = _middle(lane) + (_BAR / 2 if lane in {"calls", "partners"} else 0)
    return f'<circle class="mark {kind}" cx="{place:.1f}" cy="{y:.0f}" r="5"><title>{markup(title)}</title></circle>'


def _phases(steps: Sequence[Step], places: Sequence[float], times: Sequence[int]) -> Iterator[str]:
    """A bar for each phase; another one where there is a time behind the last step: the site was set aside then."""
    begin = 0
    for number, step in enumerate(steps):
        is_last = number + 1 == len(steps)
        if not is_last and steps[number + 1].phase_to == step.phase_to:
            continue
        if (phase := step.phase_to) is not None:
            took = f", {span(times[number + 1] - steps[begin].at)}" if number + 1 < len(times) else ""
            yield _bar("phase", places[begin], places[number + 1], phase, phase, f"{phase}{took}")
        begin = number + 1
    if len(times) > len(steps):
        title = f"{clock(times[-1])} the engine sets the site aside"
        yield _bar("phase", places[-2], places[-1], "set_aside", "SET ASIDE", title)


def _calls(steps: Sequence[Step], places: Sequence[float]) -> Iterator[str]:
    """A bar from each command to the decision that its result, or its deadline, led to."""
    for begin, step in enumerate(steps):
        for call in step.sent:
            if isinstance(call, Call) and call.action != "CANCEL":
                end = next((n for n in range(begin + 1, len(steps)) if _ends(steps[n], call)), len(steps))
                title = output_line(call) if end == len(steps) else f"{output_line(call)}: {input_line(steps[end])}"
                label = f"{call.round}.{call.position}"
                yield _bar("calls", places[begin], places[end] - 2, f"call {call.action}", label, title)


def _ends(step: Step, call: Call) -> bool:
    if isinstance(step.came, Result) and step.came.command_id == call.command_id:
        return True
    return (step.round, step.position) != (call.round, call.position) or step.phase_from != step.phase_to


def _partners(steps: Sequence[Step], places: Sequence[float]) -> Iterator[str]:
    """A bar for each dispatch, from its first request to its last record."""
    first: dict[str, tuple[int, Dispatch]] = {}
    last: dict[str, int] = {}
    for number, step in enumerate(steps):
        for output in step.sent:
            if isinstance(output, Dispatch):
                first.setdefault(output.dispatch_id, (number, output))
                last[output.dispatch_id] = number
        if isinstance(step.came, Report) and step.came.dispatch_id in first:
            last[step.came.dispatch_id] = number
    for dispatch_id, (begin, dispatch) in first.items():
        kind = "partner covert" if dispatch.covert else "partner"
        title = f"{output_line(dispatch)} ({dispatch.reason})"
        yield _bar("partners", places[begin], places[last[dispatch_id]], kind, dispatch.partner_id, title)


def _marks(steps: Sequence[Step], places: Sequence[float]) -> Iterator[str]:
    for place, step in zip(places, steps, strict=False):
        title = f"{clock(step.at)} {input_line(step)}"
        if isinstance(step.came, Alert):
            yield _mark("alerts", place, "alert", title)
        elif isinstance(step.came, Action):
            yield _mark("operators", place, "action", title)
        elif isinstance(step.came, Report):
            yield _mark("partners", place, "report", title)
        elif isinstance(step.came, Result) and step.came.direction == "INBOUND":
            yield _mark("calls", place, "report", title)
        for output in step.sent:
            if isinstance(output, Attention):
                yield _mark("operators", place, "attention", f"{clock(step.at)} {output_line(output)}")


def _notes(steps: Sequence[Step], places: Sequence[float]) -> Iterator[str]:
    """A word or two below the marks of a lane, where there is room: how a call ended, what a partner reported."""
    free: dict[str, float] = {}
    for place, step in zip(places, steps, strict=False):
        for lane, text in _notes_of(step):
            half = len(text) * _NOTE_LETTER / 2
            x = max(place, free.get(lane, 0.0) + half) if lane == "calls" else place
            if x - half < free.get(lane, 0.0) or x + half > WIDTH or abs(x - place) > half:
                continue
            free[lane] = x + half + 4
            y = _middle(lane) + _BAR / 2 + (16 if lane == "partners" else 13)  # below the dots
            yield f'<text class="note" x="{x:.1f}" y="{y:.0f}">{markup(text)}</text>'


def _notes_of(step: Step) -> Iterator[tuple[str, str]]:
    if isinstance(step.came, Alert):
        yield "alerts", step.came.kind
    elif isinstance(step.came, Result):
        yield "calls", outcome(step.came)
    elif isinstance(step.came, Report):
        yield "partners", status(step.came)
    elif isinstance(step.came, Action):
        yield "operators", step.came.action
    for output in step.sent:
        if isinstance(output, Attention):
            yield "operators", output.reason


def _axis(times: Sequence[int], places: Sequence[float]) -> Iterator[str]:
    bottom = _TOP + _LANE * len(_LANES)
    free = 0.0
    for place, time in zip(places, times, strict=False):
        yield f'<line class="tick" x1="{place:.1f}" y1="{bottom}" x2="{place:.1f}" y2="{bottom + 5}"/>'
        if place >= free and place < WIDTH - _LABEL / 2:
            free = place + _LABEL
            yield f'<text class="time" x="{place:.1f}" y="{bottom + 20}">{clock(time)}</text>'
