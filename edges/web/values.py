"""The types of the fields of requests and answers: as strict as the contract (contracts.md, Values)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

ID_BYTES: Final = 128
TEXT_BYTES: Final = 8192
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-5][0-9])"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


class Body(BaseModel):
    """A request's JSON object: unknown fields are refused, and no value of another type is made to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def parse_instant(text: object) -> int:
    """The milliseconds since 1970 (UTC) of an RFC 3339 text; what is finer is cut off. Raises `ValueError`."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be an RFC 3339 time with an offset, as 2026-01-01T23:00:00.000Z")
    assert isinstance(text, str)
    is_leap = match[1] == "60"
    plain = f"{text[:17]}59{text[19:]}" if is_leap else text
    try:
        instant = datetime.fromisoformat(plain.upper())
    except ValueError:
        raise ValueError("must be a day and time of the calendar") from None
    milliseconds = (instant - _EPOCH) // _MILLISECOND + 1000 * is_leap
    if not _FIRST <= milliseconds <= _LAST:
        raise ValueError("must be within the years 1 to 9999 (UTC)")
    return milliseconds


def write_instant(milliseconds: int) -> str:
    """RFC 3339 with milliseconds and ``Z``; what no calendar has is the first or last moment of it."""
    milliseconds = min(max(milliseconds, _FIRST), _LAST)
    return (_EPOCH + milliseconds * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _limited(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if "\0" in text:
            raise ValueError("must not contain the character U+0000")
        if len(text) > limit // 4 and len(text.encode()) > limit:
            raise ValueError(f"must have at most {limit} bytes of UTF-8")
        return text

    return AfterValidator(check)


def _not_blank(text: str) -> str:
    if not text or text.isspace():
        raise ValueError("must not be empty")
    return text


def _segment(text: Any) -> Any:
    """Undo what `edges.web.middleware` makes of an encoded slash."""
    return text.replace("\0", "/") if isinstance(text, str) else text


def _instant(value: Any, info: ValidationInfo) -> int:
    """Milliseconds stay what they are in an answer; a request has them as text."""
    is_request = info.config is not None and info.config.get("strict")
    return value if type(value) is int and not is_request else parse_instant(value)


Text: TypeAlias = Annotated[str, Field(max_length=TEXT_BYTES), _limited(TEXT_BYTES)]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=ID_BYTES), AfterValidator(_not_blank), _limited(ID_BYTES)]
# An id as a segment of the path; it may hold a slash, sent as %2F.
PathId: TypeAlias = Annotated[Id, BeforeValidator(_segment)]
# Unix milliseconds, RFC 3339 in JSON.
Instant: TypeAlias = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(write_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
