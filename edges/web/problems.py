"""Errors over HTTP: RFC 9457, with a code in capitals that programs go by.

A handler raises a `Problem`, made by its kind. Its document has `type`, `title`, `status`, `detail`, `code`, and
`errors` where fields are wrong. Its words name what is wrong and never quote what was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
COMPONENT: Final = "Problem"
# Python's words for a status change with its version; the catalogues have these.
TITLES: Final[Mapping[int, str]] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    428: "Precondition Required",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class FieldError(BaseModel):
    """What is wrong with a field; ``field`` is its path: ``people.0.role``."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """The body of every error. Members beside these are the error's own, as `holder` of `HELD`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of error: ``raise NOT_FOUND.error()``, or with words of its own and members of its own."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def title(self) -> str:
        """The status in words."""
        return _title(self.status)

    def error(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> Problem:
        """Return the error to raise."""
        return Problem(self, detail or self.detail, tuple(errors), {**self.headers, **(headers or {})}, members)

    def response(self) -> Response:
        """Return the answer."""
        return self.error().response()


class Problem(Exception):
    """An answer other than a yes."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        errors: tuple[FieldError, ...],
        headers: Mapping[str, str],
        members: Mapping[str, Any],
    ) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.members = members

    def response(self) -> Response:
        """Return the answer."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
        }
        if self.errors:
            document["errors"] = [{"field": error.field, "message": error.message} for error in self.errors]
        return Response(orjson.dumps(document | dict(self.members)), self.kind.status, self.headers, MEDIA_TYPE)


NOT_JSON: Final = ProblemKind(400, "NOT_JSON", "The body is not JSON.")
UNAUTHENTICATED: Final = ProblemKind(
    401,
    "UNAUTHENTICATED",
    "Send a bearer token that is in force, or sign in.",
    headers={"WWW-Authenticate": 'Bearer realm="ronde"'},
)
FORBIDDEN: Final = ProblemKind(403, "FORBIDDEN", "Your rights do not include this.")
# One and the same for what does not exist and what belongs to others.
NOT_FOUND: Final = ProblemKind(404, "NOT_FOUND", "There is nothing here for you.")
METHOD_NOT_ALLOWED: Final = ProblemKind(405, "METHOD_NOT_ALLOWED", "This address does not take that method.")
TOO_LARGE: Final = ProblemKind(413, "TOO_LARGE", "The body has more than 64 KiB.")
UNSUPPORTED_MEDIA_TYPE: Final = ProblemKind(
    415, "UNSUPPORTED_MEDIA_TYPE", "The body must be JSON, sent with Content-Type: application/json."
)
INVALID: Final = ProblemKind(422, "INVALID", "The request has fields that are wrong, unknown or missing.")
INTERNAL: Final = ProblemKind(500, "INTERNAL", "Something went wrong here. The log has it under this request's id.")
UNCONFIRMED: Final = ProblemKind(
    503, "UNCONFIRMED", "It was not confirmed in time, and may have been taken. The same request again is safe."
)
UNREADABLE: Final = ProblemKind(503, "UNREADABLE", "Who may do this cannot be read at the moment.")


def documented(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may raise problems of these kinds, for OpenAPI; ``x-codes`` has their codes."""
    codes: dict[int, set[str]] = {}
    for kind in kinds:
        codes.setdefault(kind.status, set()).add(kind.code)
    return {status: _described(status, names) for status, names in sorted(codes.items())}


def merged(
    responses: Mapping[int | str, dict[str, Any]], more: Mapping[int | str, dict[str, Any]]
) -> dict[int | str, dict[str, Any]]:
    """Both, with all codes of a status that is in both."""
    result = {**responses, **more}
    for status in responses.keys() & more.keys():
        codes = {code for side in (responses, more) for code in side[status].get("x-codes", ())}
        result[status] = _described(int(status), codes)
    return result


def _title(status: int) -> str:
    return TITLES.get(status) or HTTPStatus(status).phrase


def _described(status: int, codes: Iterable[str]) -> dict[str, Any]:
    names = sorted(codes)
    return {
        "description": f"{_title(status)}: {', '.join(names)}",
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{COMPONENT}"}}},
        "x-codes": names,
    }
