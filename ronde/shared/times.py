"""Instants and durations: as options give them (RFC 3339, or 30m, 2h, 7d), and as people read them."""

from __future__ import annotations

import re
from typing import Final

from ronde.shared.errors import WrongUse
from service import rfc3339
from service.clock import now_ms
from streams.escalation.values import Instant

_UNITS_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECOND: Final = 1000
_SPAN_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_EXAMPLE: Final = "2026-01-01T00:00:00Z"


def instant(option: str, text: str, *, alternative: str = "") -> Instant:
    """An RFC 3339 instant, in milliseconds since 1970, UTC. Raises `WrongUse`."""
    try:
        return rfc3339.parse(text)
    except ValueError as error:
        raise WrongUse(f"{option} is {error}; write it like {_EXAMPLE}{alternative}") from None


def past_instant(option: str, text: str) -> Instant:
    """An instant as RFC 3339, or as a duration before now; never before 1970. Raises `WrongUse`."""
    ago = _milliseconds(text)
    if ago is not None:
        return max(now_ms() - ago, 0)
    try:
        return max(rfc3339.parse(text), 0)
    except ValueError as error:
        raise WrongUse(f"{option}: {error}; write it like {_EXAMPLE}, or like 2h for two hours ago") from None


def duration(option: str, text: str) -> int:
    """A duration above 0, in milliseconds. Raises `WrongUse`."""
    milliseconds = _milliseconds(text)
    if not milliseconds:
        raise WrongUse(f"{option}: {text!r} is no length of time; write it like 30m, 2h or 1d")
    return milliseconds


def span(milliseconds: float, units: int = 2) -> str:
    """A time span in its largest units, as ``49 min 38 s``."""
    seconds = abs(milliseconds) / _SECOND
    sign = "-" if milliseconds < 0 else ""
    if seconds < 10 and seconds % 1:
        return f"{sign}{seconds:.1f} s"
    left, parts = round(seconds), list[str]()
    for size, unit in _SPAN_UNITS:
        number, left = divmod(left, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return sign + " ".join(parts[:units])


def after(milliseconds: int) -> str:
    """How long after the opening, as ``+0:12:05``, in whole seconds; with days where it takes days."""
    minutes, seconds = divmod(abs(milliseconds) // _SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    sign = "-" if milliseconds <= -_SECOND else "+"
    return f"{sign}{f'{days} d ' if days else ''}{hours}:{minutes:02}:{seconds:02}"


def day(at: Instant) -> str:
    """The day of an instant, UTC."""
    return rfc3339.write(at)[:10]


def clock(at: Instant) -> str:
    """The time of day of an instant, UTC."""
    return rfc3339.write(at)[11:19]


def date_and_time(at: Instant) -> str:
    """The day and the time of day of an instant, in whole seconds, UTC."""
    return f"{day(at)} {clock(at)}"


def date_and_minute(at: Instant) -> str:
    """The same, in whole minutes."""
    return date_and_time(at)[:16]


def _milliseconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * _UNITS_MS[match[2]]
