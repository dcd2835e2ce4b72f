"""RFC 3339 instants ↔ milliseconds since 1970, UTC (contracts.md, HTTP and Command line).

No clock, time zone or locale is read: the same text is the same instant everywhere.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Final

_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_EPOCH: Final = date(1970, 1, 1).toordinal()
# The calendar repeats itself after so many years; `date` knows no year 0 and none after 9999.
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
FIRST: Final = -62_167_219_200_000  # 0000-01-01T00:00:00.000Z
LAST: Final = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_KEPT: Final = 4096  # instants and seconds: an input's comes again in what it decides, and in the inputs around it
_POINT: Final = len("2026-01-01T00:00:00")  # where an instant's milliseconds begin
_WRITTEN_MILLISECONDS: Final = tuple(f".{number:03}Z" for number in range(_SECOND))
_MILLISECONDS: Final = {text: number for number, text in enumerate(_WRITTEN_MILLISECONDS)}

_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-][0-9]{2}):([0-9]{2}))"
)


def parse(text: str) -> int:
    """The instant of an RFC 3339 text with an offset; what is finer than a millisecond is cut off.

    A leap second (``23:59:60`` UTC at the end of a month) is the second after it. Raises `ValueError`
    for any other text, and for an instant outside of the years 0000 to 9999 (UTC).
    """
    # Nearly all are as `write` writes them, and many share a second.
    milliseconds = _MILLISECONDS.get(text[_POINT:])
    return _parse(text) if milliseconds is None else _parse_second(text[:_POINT]) + milliseconds


@lru_cache(_KEPT)
def write(instant: int) -> str:
    """RFC 3339 in UTC, always with milliseconds and ``Z``; from the year 10000 on with as many digits as it takes."""
    second, milliseconds = divmod(instant, _SECOND)
    return _written_second(second) + _WRITTEN_MILLISECONDS[milliseconds]


@lru_cache(_KEPT)
def _parse_second(text: str) -> int:
    """The instant of a text up to its milliseconds, as ``2026-01-01T00:00:00``."""
    return _parse(f"{text}Z")


@lru_cache(_KEPT)
def _written_second(second: int) -> str:
    days, rest = divmod(second, _DAY // _SECOND)
    year, month, day = _civil(days)
    return f"{year:04}-{month:02}-{day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def _parse(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 instant with an offset")
    year, month, day, hour, minute, second, fraction, offset_hour, offset_minute = match.groups()
    if hour > "23" or minute > "59" or second > "60":
        raise ValueError("not a time of day")
    try:
        days = _ordinal(int(year), int(month), int(day)) - _EPOCH
    except ValueError:
        raise ValueError("not a day of the calendar") from None
    instant = days * _DAY + int(hour) * _HOUR + int(minute) * _MINUTE + int(second) * _SECOND
    if offset_hour is not None:
        if offset_hour[1:] > "23" or offset_minute > "59":
            raise ValueError("not an offset from UTC")
        offset = int(offset_hour[1:]) * _HOUR + int(offset_minute) * _MINUTE
        instant += offset if offset_hour[0] == "-" else -offset
    if second == "60" and not _starts_month(instant):
        raise ValueError("a second 60 that is no leap second")
    if fraction is not None:
        instant += int(fraction[:3].ljust(3, "0"))
    if not FIRST <= instant <= LAST:
        raise ValueError("outside of the years 0000 to 9999")
    return instant


def _ordinal(year: int, month: int, day: int) -> int:
    """Days since 0000-12-31; raises `ValueError` for a day that is not in the calendar."""
    return date(year, month, day).toordinal() if year else date(_CYCLE_YEARS, month, day).toordinal() - _CYCLE_DAYS


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01."""
    cycle, within = divmod(days + _EPOCH - 1, _CYCLE_DAYS)
    day = date.fromordinal(within + 1)
    return cycle * _CYCLE_YEARS + day.year, day.month, day.day


def _starts_month(instant: int) -> bool:
    return instant % _DAY == 0 and _civil(instant // _DAY)[2] == 1
