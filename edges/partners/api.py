"""What partners' systems call: a step of a dispatch, and the dispatches that are open."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from edges.partners.ages import age_header
from edges.partners.answering import TimedRoute
from edges.partners.steps import STATUSES
from edges.partners.store import Step, Store
from edges.web.accounts import Person
from edges.web.bearer import machine_with
from edges.web.callers import caller_with
from edges.web.problems import NOT_FOUND, UNCONFIRMED, documented
from edges.web.tokens import Machine, subjects_of
from edges.web.values import Body, Instant, PathId, Text
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.partners.reports_to_kafka import Reporter


class StepBody(Body):
    """What there is to say of a step."""

    reason: Text | None = None
    disposition: Text | None = None
    reported_at: Instant | None = None


class StepTaken(BaseModel):
    """The report is in Kafka."""

    report_id: str


class Dispatches(BaseModel):
    """The latest first; each with the fields of its last command, and the steps reported so far."""

    dispatches: list[dict[str, Any]]


def routes(store: Store, reporter: Reporter) -> APIRouter:
    """The routes."""
    router = APIRouter(route_class=TimedRoute)
    for step, status in STATUSES.items():
        router.add_api_route(
            f"/v1/dispatches/{{dispatch_id}}/{step}",
            _taking(step, store, reporter),
            methods=["PUT"],
            status_code=202,
            responses=documented(UNCONFIRMED),
            name=f"report_{status.lower()}",
            summary=f"Report {status}",
        )

    @router.get("/v1/dispatches", responses=documented(UNCONFIRMED))
    async def list_dispatches(
        caller: Annotated[Person | Machine, caller_with("customer", scope="partner")],
        response: Response,
        is_open: Annotated[bool, Query(alias="open", description="only those that are not over")] = False,
    ) -> Dispatches:
        """List your dispatches of the last seven days: the latest 500."""
        await age_header(store, response)
        rows = await store.dispatches(_partners(caller), is_open=is_open)
        return Dispatches(
            dispatches=[
                {**orjson.loads(row["value"]), "steps": [STATUSES[step] for step in row["steps"]]} for row in rows
            ],
        )

    return router


def _partners(caller: Person | Machine) -> list[str]:
    if isinstance(caller, Person):
        return list(caller.partners)
    return subjects_of("partner", caller.scopes)


def _taking(step: str, store: Store, reporter: Reporter) -> Callable[..., Coroutine[Any, Any, StepTaken]]:
    async def report(
        dispatch_id: PathId, caller: Annotated[Machine, machine_with("partner")], body: StepBody | None = None
    ) -> StepTaken:
        """Take a report; it is in Kafka when this answers 202. The same again is the same report."""
        dispatch = await store.dispatch(dispatch_id)
        if dispatch is None or not caller.may("partner", dispatch.partner_id):
            raise NOT_FOUND.error()
        said = body or StepBody()
        at = now_ms() if said.reported_at is None else said.reported_at
        return StepTaken(
            report_id=await reporter.report(dispatch, Step(step, at, said.reason, said.disposition)),
        )

    return report
