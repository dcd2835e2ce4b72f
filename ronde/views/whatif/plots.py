"""The plots of a comparison, as SVG that takes its colours from the page around it (`ronde.views.whatif.page`)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from ronde.shared.plain import markup
from ronde.shared.times import span
from ronde.views.whatif.figures import quantile
from streams.whatif.comparison import Comparison

_WIDTH: Final = 900
_LEFT: Final = 230
_RIGHT: Final = 90
_BAR: Final = 16
_HEIGHT: Final = 260  # of the curves
_POINTS: Final = 60
_SHOWN_UP_TO: Final = 0.98  # the longest delays would flatten all others


def plots(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield each plot with its caption."""
    before, after = comparison.recorded, comparison.played
    yield (
        _bars([("guards", before.guards[0], after.guards), ("calls", before.calls[0], after.calls)], is_apart=True),
        "Guards asked for and calls placed: in the log (above), and as it would be (below), with its bounds.",
    )
    ends = sorted({*before.ends, *after.ends}, key=lambda end: -before.ends[end])
    yield (
        _bars([(end, before.ends[end], (after.ends[end],) * 2) for end in ends], is_apart=False),
        "How incidents end: in the log (above), and as it would be (below).",
    )
    if before.delays.guard and after.delays.guard:
        yield (
            _curves(before.delays.guard, after.delays.guard),
            "From the opening to the guard: the share of guards asked by then, in the log and as it would be (dashed).",
        )


def _bars(rows: Sequence[tuple[str, int, tuple[int, int]]], *, is_apart: bool) -> str:
    """Two bars a row; ``is_apart``: each row has a scale of its own."""
    parts: list[str] = []
    most = max([1, *(max(was, high) for _, was, (_, high) in rows)])
    for number, (name, was, (low, high)) in enumerate(rows):
        top = number * (2 * _BAR + 14) + 4
        scale = (_WIDTH - _LEFT - _RIGHT) / (max(was, high, 1) if is_apart else most)
        shown = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        parts += [
            f'<text x="{_LEFT - 8}" y="{top + _BAR + 5}" text-anchor="end">{markup(name)}</text>',
            f'<rect class="before" x="{_LEFT}" y="{top}" width="{was * scale:.1f}" height="{_BAR}"/>',
            f'<rect class="after" x="{_LEFT}" y="{top + _BAR}" width="{low * scale:.1f}" height="{_BAR}"/>',
            f'<text class="soft" x="{_LEFT + was * scale + 6:.1f}" y="{top + 12}">{was:,}</text>',
            f'<text class="soft" x="{_LEFT + high * scale + 6:.1f}" y="{top + _BAR + 12}">{shown}</text>',
        ]
        if high > low:
            middle = top + _BAR * 1.5
            parts.append(
                f'<line class="bounds" x1="{_LEFT + low * scale:.1f}" y1="{middle}" '
                f'x2="{_LEFT + high * scale:.1f}" y2="{middle}"/>'
            )
    return _svg(len(rows) * (2 * _BAR + 14) + 4, parts)


def _curves(was: Sequence[int], is_now: Sequence[int]) -> str:
    longest = max(quantile(was, _SHOWN_UP_TO) or 1, quantile(is_now, _SHOWN_UP_TO) or 1, 1)
    bottom, width = _HEIGHT - 30, _WIDTH - 60 - _RIGHT
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        height = bottom - share * (bottom - 10)
        parts.append(f'<line class="rail" x1="60" y1="{height:.1f}" x2="{60 + width}" y2="{height:.1f}"/>')
        parts.append(f'<text class="soft" x="52" y="{height + 4:.1f}" text-anchor="end">{share:.0%}</text>')
        parts.append(
            f'<text class="soft" x="{60 + share * width:.1f}" y="{bottom + 20}" text-anchor="middle">'
            f"{span(share * longest)}</text>"
        )
    for name, delays in (("before", sorted(was)), ("after", sorted(is_now))):
        points = []
        for step in range(_POINTS + 1):
            delay = longest * step / _POINTS
            share = bisect_right(delays, delay) / len(delays)
            points.append(f"{60 + width * step / _POINTS:.1f},{bottom - share * (bottom - 10):.1f}")
        parts.append(f'<polyline class="line {name}" points="{" ".join(points)}"/>')
    return _svg(_HEIGHT, parts)


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img">\n' + "\n".join(parts) + "\n</svg>"
