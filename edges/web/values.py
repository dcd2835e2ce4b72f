"""The types of the fields of requests and answers: as strict as the contract (contracts.md, Values)."""

from __future__ import annotations

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

from service import rfc3339

ID_BYTES: Final = 128
TEXT_BYTES: Final = 8192


class Body(BaseModel):
    """A request's JSON object: unknown fields are refused, and no value of another type is made to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def parse_instant(text: object) -> int:
    """The milliseconds since 1970 (UTC) of an RFC 3339 text; what is finer is cut off. Raises `ValueError`."""
    try:
        return rfc3339.parse(text if isinstance(text, str) else "")
    except ValueError as error:
        what = "must be an RFC 3339 time with an offset, as 2026-01-01T23:00:00.000Z"
        raise ValueError(f"{what} (this is {error})") from None


def write_instant(milliseconds: int) -> str:
    """RFC 3339 with milliseconds and ``Z``; what its four digits of a year cannot say is their first or last moment."""
    return rfc3339.write(min(max(milliseconds, rfc3339.FIRST), rfc3339.LAST))


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
