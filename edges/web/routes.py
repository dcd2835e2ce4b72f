"""Routes that read a body strictly and document every answer that they may give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from edges.web.problems import (
    INVALID,
    NOT_FOUND,
    NOT_JSON,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemKind,
    documented,
    merged,
)

BODY_BYTES: Final = 64 * 1024
BROKEN: Final = "broken_body"
_NULL: Final = "null"  # no object either


class StrictRequest(Request):
    """A request whose body has at most 64 KiB, and whose JSON is RFC 8259's: no NaN, UTF-8, no lone surrogates."""

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        """The body in pieces. Raises TOO_LARGE."""
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > BODY_BYTES:
            raise TOO_LARGE.error()
        size = 0
        async for piece in super().stream():
            size += len(piece)
            if size > BODY_BYTES:
                raise TOO_LARGE.error()
            yield piece
        self.state.body_size = size

    async def json(self) -> Any:
        """The body's value.

        What is not JSON is noted in the request's state and fails as a value: so who asks is judged before what
        they sent. A null fails too: where a body may be missing, None would stand for a missing one.
        """
        try:
            value = orjson.loads(await self.body())
        except orjson.JSONDecodeError:
            setattr(self.state, BROKEN, True)
            return BROKEN
        return _NULL if value is None else value


class Route(APIRoute):
    """A route of `StrictRequest`s. It documents what its path, its body and its dependencies may answer.

    A dependency names the problems that it raises in an attribute ``problems``.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        problems = [problem for call in _calls(self.dependant) for problem in getattr(call, "problems", ())]
        if self.param_convertors:
            problems += [NOT_FOUND, INVALID]
        if self.dependant.query_params:
            problems.append(INVALID)
        if self.body_field is not None:
            problems += [NOT_JSON, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID]
        self.responses = merged(documented(*problems), self.responses)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As the library's, over a `StrictRequest`."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def _calls(dependant: Dependant) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def problems_of(*kinds: ProblemKind) -> Callable[[Any], Any]:
    """Decorate a dependency with the kinds of problems that it raises."""

    def name(dependency: Any) -> Any:
        dependency.problems = kinds
        return dependency

    return name
