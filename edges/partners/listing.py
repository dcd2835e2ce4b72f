"""The page of a partner's people: its open dispatches, each with a link to its guard's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from edges.partners.ages import LATE_SECONDS
from edges.partners.answering import TimedRoute
from edges.partners.page_tokens import VALID_MS, page_token
from edges.partners.steps import STATUSES
from edges.web.accounts import Person
from edges.web.callers import person_with
from edges.web.values import write_instant
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.partners.store import Store
    from edges.web.pages import Pages


def routes(store: Store, pages: Pages) -> APIRouter:
    """The page."""
    router = APIRouter(route_class=TimedRoute, include_in_schema=False)

    @router.get("/")
    async def open_dispatches(request: Request, person: Annotated[Person, person_with("customer")]) -> Response:
        """Show the open dispatches of the partners of who is signed in."""
        rows = await store.dispatches(list(person.partners), is_open=True)
        key, age = await store.page_key(), await store.age()
        return pages.render(
            request,
            "dispatches.html",
            person=person,
            dispatches=[_shown(row, key) for row in rows],
            age=0 if age is None else age,
            is_old=age is None or age > LATE_SECONDS,
        )

    return router


def _shown(row: dict[str, Any], key: bytes) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(row["value"])
    steps = [STATUSES[step] for step in row["steps"]]
    return {
        **value,
        "page": f"/guard#{page_token(key, row['dispatch_id'], now_ms() + VALID_MS)}",
        "since": value["issued_at"] or write_instant(row["stored_at"]),  # null: a year that RFC 3339 cannot write
        "step": steps[-1] if steps else None,
    }
