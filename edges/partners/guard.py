"""The guard's page: a link opens one dispatch, for as long as it lasts.

The link's token is in its fragment; the page's script sends it as a bearer token. To load the page changes nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from pydantic import BaseModel
from starlette.responses import Response

from edges.partners.ages import LATE_SECONDS, age_header
from edges.partners.answering import TimedRoute
from edges.partners.page_tokens import dispatch_of
from edges.partners.steps import STATUSES
from edges.partners.store import Dispatch, Step, Store
from edges.web.problems import NOT_FOUND, UNAUTHENTICATED, UNCONFIRMED, documented
from edges.web.routes import problems_of
from edges.web.values import Body, Instant, Text
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.partners.reports_to_kafka import Reporter
    from edges.web.pages import Pages

_OVER_MS: Final = 3600 * 1000
_SCHEME: Final = HTTPBearer(auto_error=False, scheme_name="page", description="the fragment of the page's link")
_Token = Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)]
# What the guard may say after each step; the page goes by it too, while there is no reception.
NEXT: Final = MappingProxyType(
    {
        None: ("accepted", "rejected"),
        "accepted": ("en-route", "on-site"),
        "en-route": ("on-site",),
        "on-site": ("closed",),
        "rejected": (),
        "closed": (),
    }
)
_AFTER: Final = orjson.dumps({step: steps for step, steps in NEXT.items() if step}).decode()
# Of the page without reception: what its worker keeps, and what the worker is made of.
_SHELL: Final = ("ronde.css", "ronde.js", "ronde.svg", "taps.js", "guard.js")
_WORKER: Final = ("taps.js", "guard-worker.js")
_SHOWN: Final = ("dispatch_id", "action", "covert", "address", "instructions", "alert_kinds", "alert_count")


class Tap(Body):
    """A tap on the page, when it was made: without reception it comes later."""

    reported_at: Instant
    disposition: Text | None = None


class Sight(BaseModel):
    """What the page shows; of a dispatch that is over, nothing but that."""

    is_over: bool
    dispatch: dict[str, Any] | None = None
    steps: list[str] = []
    next_steps: list[str] = []


@problems_of(UNAUTHENTICATED)
async def _opened(request: Request, token: _Token) -> dict[str, Any]:
    """The dispatch of a link. A dependency: who comes is judged before what they sent."""
    store: Store = request.app.state.store
    dispatch_id = None if token is None else dispatch_of(await store.page_key(), token.credentials, now_ms())
    row = None if dispatch_id is None else await store.page(dispatch_id)
    if row is None:
        raise UNAUTHENTICATED.error()
    return row


_Row = Annotated[dict[str, Any], Depends(_opened)]


def routes(store: Store, reporter: Reporter, pages: Pages) -> APIRouter:
    """The page, what it shows, and its taps."""
    router = APIRouter(route_class=TimedRoute)

    @router.get("/guard", include_in_schema=False)
    async def page(request: Request) -> Response:
        """Show the page, the same for all: what it is about is in the fragment."""
        response = pages.render(request, "guard.html", after=_AFTER, most_age=LATE_SECONDS)
        response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        return response

    shell = orjson.dumps(["/guard", *map(pages.static.address, _SHELL)]).decode()
    worker = "\n".join([f"const SHELL = {shell};", *map(pages.static.text, _WORKER)])

    @router.get("/guard-worker.js", include_in_schema=False)
    async def page_worker() -> Response:
        """Give what opens the page without reception, and sends its taps; its address gives it the page's scope."""
        return Response(worker, media_type="text/javascript")

    @router.get("/v1/guard", responses=documented(UNCONFIRMED))
    async def look(row: _Row, response: Response) -> Sight:
        """Show the dispatch of a link."""
        if _is_over(row):
            return Sight(is_over=True)
        await age_header(store, response)
        value = orjson.loads(row["value"])
        return Sight(
            is_over=False,
            dispatch={name: value[name] for name in _SHOWN},
            steps=row["steps"],
            next_steps=next_steps(row["action"], row["steps"]),
        )

    @router.put("/v1/guard/{step}", status_code=202, responses=documented(UNCONFIRMED))
    async def tap(step: Annotated[str, Path()], body: Tap, row: _Row) -> dict[str, str]:
        """Take a tap; it is in Kafka when this answers 202. The same again is the same report, also after others."""
        if step not in STATUSES or (_is_over(row) and not _was_open(row, body.reported_at)):
            raise NOT_FOUND.error()
        dispatch = Dispatch(*(row[name] for name in Dispatch._fields))
        said = Step(step, body.reported_at, None, body.disposition, is_tap=True)
        return {"report_id": await reporter.report(dispatch, said)}

    return router


def next_steps(action: str, steps: list[str]) -> list[str]:
    """What the guard may say next."""
    following = NEXT[steps[-1] if steps else None]
    return ["closed"] if following and action == "CANCEL" else list(following)


def _is_over(row: dict[str, Any]) -> bool:
    return row["over_at"] is not None and now_ms() - row["over_at"] > _OVER_MS


def _was_open(row: dict[str, Any], at: int) -> bool:
    """Whether the page was not over yet: a tap of then was kept without reception."""
    return bool(row["began_at"] <= at <= row["over_at"] + _OVER_MS)
