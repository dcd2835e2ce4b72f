"""Instants and durations as options give them: RFC 3339, or 30m, 2h, 7d."""

from __future__ import annotations

import re
from typing import Final

from ronde.shared.errors import WrongUse
from service import rfc3339
from service.clock import now_ms
from streams.escalation.values import Instant

_UNITS_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
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


def _milliseconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * _UNITS_MS[match[2]]
