"""Times as DC-09 writes them: ``HH:MM:SS,MM-DD-YYYY``, UTC (DC-09-2013 §5.5). Instants are Unix milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

PATTERN: Final = r"([0-9]{2}):([0-9]{2}):([0-9]{2}),([0-9]{2})-([0-9]{2})-([0-9]{4})"
_FORM: Final = "_%H:%M:%S,%m-%d-%Y"
_TIME: Final = re.compile(PATTERN)


def stamp(instant: int) -> bytes:
    """An instant as a frame ends with it, its ``_`` included."""
    return _stamp(instant // 1000)


@lru_cache(16)
def _stamp(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).strftime(_FORM).encode()


@lru_cache(1024)  # the frames of one second bear one text
def read(text: str) -> int | None:
    """The instant that a text is; None where it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, month, day, year = (int(digits) for digits in match.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None
