"""An app of an edge: its routes, strict and documented, and every error a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Match

from edges.web.callers import People
from edges.web.middleware import Envelope
from edges.web.pages import Pages
from edges.web.problems import (
    COMPONENT,
    INVALID,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    NOT_JSON,
    UNSUPPORTED_MEDIA_TYPE,
    FieldError,
    Problem,
    ProblemDocument,
    ProblemKind,
)
from edges.web.routes import BROKEN, Route
from edges.web.tokens import TokenFile

_WORDS: Final = {"extra_forbidden": "is unknown", "missing": "is missing"}
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_BY_STATUS: Final = {kind.status: kind for kind in (NOT_FOUND, METHOD_NOT_ALLOWED)}


class WebApplication(FastAPI):
    """A FastAPI app under the rules of all edges; OpenAPI at ``/openapi.json``, derived from its routes.

    Args:
        title: the process: ``ronde receiver``.
        version: of the product.
        tokens: who may come with a bearer token.
        people: who may sign in; their routes are `edges.web.sign_in.session_routes`.
        errors: what an exception of another part means to a client: ``{UnconfirmedError: UNCONFIRMED}``.
        pages: how errors look to a browser; None: as to programs.
        is_https: whether people reach it over TLS; everywhere but on localhost.

    """

    def __init__(
        self,
        title: str,
        version: str,
        *,
        tokens: TokenFile | None = None,
        people: People | None = None,
        errors: Mapping[type[Exception], ProblemKind] | None = None,
        pages: Pages | None = None,
        is_https: bool = False,
    ) -> None:
        super().__init__(
            title=title,
            version=version,
            docs_url=None,
            redoc_url=None,
            middleware=[Middleware(Envelope, is_https=is_https)],
            exception_handlers={
                Problem: _on_problem,
                RequestValidationError: _on_invalid,
                HTTPException: _on_http_exception,
            },
        )
        self.state.tokens = tokens
        self.state.people = people
        self.state.pages = pages
        self.router.route_class = Route
        self.router.redirect_slashes = False
        for exception, kind in (errors or {}).items():
            self.add_exception_handler(exception, _answering(kind))

    def add_routes(self, router: APIRouter) -> None:
        """Add a router's routes as they are; `include_router` would build each again when it is first asked for."""
        self.router.routes.extend(router.routes)

    def openapi(self) -> dict[str, Any]:
        """The document of `/openapi.json`: OpenAPI 3.1."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas[COMPONENT] = problem
        return super().openapi()


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


def _answer(request: Request, problem: Problem) -> Response:
    """The problem, as a page where a browser asks for one."""
    pages: Pages | None = request.app.state.pages
    if pages is not None and pages.wants_page(request):
        return pages.problem(request, problem)
    return problem.response()


def _answering(kind: ProblemKind) -> Any:
    async def answer(request: Request, _error: Exception) -> Response:
        return _answer(request, kind.error())

    return answer


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What the router raises: no such route, no such method."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, Problem):  # raised while the body was read
        return _answer(request, error.__cause__)
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        kind = ProblemKind(error.status_code, "REFUSED", "The request cannot be answered.")
    response = _answer(request, kind.error())
    response.headers.update(error.headers or {})
    if kind is METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(_methods(request))  # the router's names those of its first route alone
    return response


def _methods(request: Request) -> list[str]:
    """The methods that the routes of this path have together."""
    asked = {"type": "http", "path": request.scope["path"], "root_path": request.scope.get("root_path", "")}
    return [
        method
        for method in _METHODS
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


async def _on_invalid(request: Request, error: Exception) -> Response:
    """What is wrong with the request's values: each field, never what it holds."""
    assert isinstance(error, RequestValidationError)
    wrong = error.errors()
    if any(item["loc"][0] == "body" for item in wrong):
        if getattr(request.state, "body_size", 0) and not _is_json(request.headers.get("content-type", "")):
            return _answer(request, UNSUPPORTED_MEDIA_TYPE.error())
        if getattr(request.state, BROKEN, False):
            return _answer(request, NOT_JSON.error())
    return _answer(request, INVALID.error(errors=[_field_error(item, error.body) for item in wrong]))


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _field_error(item: Mapping[str, Any], body: Any) -> FieldError:
    steps = _steps(item["loc"], body)
    if item["type"] in {"union_tag_invalid", "union_tag_not_found"}:  # their own words quote what was sent
        steps = (*steps, str(item["ctx"]["discriminator"]).strip("'"))
        tags = item["ctx"].get("expected_tags")
        return FieldError(field=".".join(map(str, steps)), message=f"must be one of {tags}" if tags else "is missing")
    steps = steps or item["loc"]
    words = _WORDS.get(item["type"]) or str(item["msg"]).removeprefix("Value error, ")
    return FieldError(field=".".join(map(str, steps)), message=f"{words[:1].lower()}{words[1:]}")


def _steps(place: Sequence[str | int], body: Any) -> tuple[str | int, ...]:
    """Where the field stands in what was sent: a place also names the kind of a union, which is no field."""
    steps = place[1:]
    if place[0] != "body":
        return tuple(steps)
    found: list[str | int] = []
    for number, step in enumerate(steps):
        is_last = number == len(steps) - 1
        if isinstance(body, dict) and step not in body and not is_last:
            continue
        found.append(step)
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
    return tuple(found)
