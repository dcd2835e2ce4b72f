"""The portal's API (docs/portal.md): each route, who may call it, what it answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Depends, Header, Response

from edges.portal import changes
from edges.portal.bodies import (
    AddressBody,
    BeforeRevision,
    FirstContactBody,
    InstructionsBody,
    InterventionBody,
    PartnersBody,
    PersonBody,
    SecondContactBody,
    SiteBody,
    SubscriptionBody,
    TestBody,
)
from edges.portal.callers import Caller, portal_caller
from edges.portal.changes import Refused
from edges.portal.problems import (
    EXISTS,
    IS_A_CONTACT,
    NOT_A_MEMBER,
    NOT_AN_OWNER,
    REVISION_REQUIRED,
    REVISION_STALE,
    problem_of,
)
from edges.portal.rows import Stored
from edges.portal.service import Apply, Portal
from edges.portal.states import RevisionState, ServiceState, revision_state
from edges.web.problems import INVALID, NOT_FOUND, UNCONFIRMED, FieldError, documented
from edges.web.routes import Route
from edges.web.values import PathId
from service.clock import now_ms

_TAG: Final = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_ETAG: Final = {"ETag": {"description": 'The revision: "<revision>".', "schema": {"type": "string"}}}
_NEVER: Final = -1  # a revision that there is not

WhoAsks: TypeAlias = Annotated[Caller, portal_caller()]


async def _revision(
    if_match: Annotated[
        str | None, Header(description='The revision that is changed, as its `ETag`: `"<revision>"`.')
    ] = None,
) -> int | None:
    """The revision that a request changes; None where it names none."""
    if if_match is None:
        return None
    match = _TAG.fullmatch(if_match.strip())
    return int(match[1]) if match is not None else _NEVER


Revision: TypeAlias = Annotated[int | None, Depends(_revision)]
Change: TypeAlias = Callable[[str, Any, Apply], Awaitable[ServiceState]]  # what, what was asked for, how it is made


def answers(*kinds: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What a route answers that names a revision."""
    return {status: {"headers": _ETAG}, **documented(UNCONFIRMED, NOT_FOUND, *kinds)}


_WRITES: Final = answers(REVISION_REQUIRED, REVISION_STALE)


def site_routes(portal: Portal) -> APIRouter:
    """Sites, which support makes."""
    router = APIRouter(route_class=Route, tags=["sites"], prefix="/v1/sites")

    @router.post("", status_code=201, responses=answers(EXISTS, status=201))
    async def create_site(body: SiteBody, caller: WhoAsks, response: Response) -> ServiceState:
        """Make a site, not subscribed yet. The same request again answers the same. For support."""
        return _state(portal, response, await portal.create(caller, body))

    @router.delete(
        "/{site_id}", status_code=204, responses=documented(UNCONFIRMED, NOT_FOUND, REVISION_REQUIRED, REVISION_STALE)
    )
    async def delete_site(site_id: PathId, caller: WhoAsks, revision: Revision) -> None:
        """Delete a site: its record becomes a tombstone, its history stays. For support."""
        await portal.delete(caller, site_id, revision)

    return router


def support_routes(portal: Portal) -> APIRouter:
    """People and partners of a site, which support keeps."""
    router = APIRouter(route_class=Route, tags=["sites"], prefix="/v1/sites")
    changing = _changing(portal, by_support=True)

    @router.put("/{site_id}/people/{person_id}", responses=_WRITES)
    async def put_person(
        site_id: PathId,  # noqa: ARG001 - the path's first, in the document too
        person_id: PathId,
        body: PersonBody,
        change: Change = changing,
    ) -> ServiceState:
        """Add a person, or replace one; a contact that is this person changes with it. For support."""
        if body.person_id not in {None, person_id}:
            raise INVALID.error(errors=[FieldError(field="person_id", message="differs from the path's")])
        person = body.person(person_id)
        return await change("people", ["PUT", list(person)], lambda before: changes.with_person(before, person))

    @router.delete("/{site_id}/people/{person_id}", responses=answers(REVISION_REQUIRED, REVISION_STALE, IS_A_CONTACT))
    async def delete_person(
        site_id: PathId,  # noqa: ARG001 - the path's first, in the document too
        person_id: PathId,
        change: Change = changing,
    ) -> ServiceState:
        """Remove a person who is no contact. For support."""
        return await change("people", ["DELETE", person_id], lambda before: changes.without_person(before, person_id))

    @router.put("/{site_id}/service/partners", responses=_WRITES)
    async def put_partners(body: PartnersBody, change: Change = changing) -> ServiceState:
        """Say which partners are asked for a guard, in this order. For support."""
        return await change("partners", body.model_dump(), lambda before: changes.with_partners(before, body.partners))

    return router


def _service() -> APIRouter:
    return APIRouter(route_class=Route, tags=["service"], prefix="/v1/sites/{site_id}/service")


def service_routes(portal: Portal) -> APIRouter:
    """What a site's people see, and whether they are subscribed."""
    router = _service()
    changing = _changing(portal)

    @router.get("", responses=answers())
    async def get_service(site_id: PathId, caller: WhoAsks, response: Response) -> ServiceState:
        """The configuration, what is missing, what the engine says of it. No words."""
        return _state(portal, response, await portal.look(caller, site_id))

    @router.get("/history", responses=documented(UNCONFIRMED, NOT_FOUND))
    async def get_history(site_id: PathId, caller: WhoAsks, before: BeforeRevision = None) -> list[RevisionState]:
        """Who changed what and when, the newest first; at most 500 changes, those before them by `before`."""
        await portal.look(caller, site_id)
        return [revision_state(revision) for revision in await portal.store.history(site_id, before=before)]

    @router.put("/subscription", responses=_WRITES)
    async def put_subscription(body: SubscriptionBody, change: Change = changing) -> ServiceState:
        """Subscribe, or cancel at once: no reason asked, no fee; an incident under way goes on. For owners."""
        apply = partial(changes.with_subscription, subscribed=body.subscribed)
        return await change("subscription", body.model_dump(), apply)

    return router


def contact_routes(portal: Portal) -> APIRouter:
    """Who is called."""
    router = _service()

    @router.put("/first-contact", responses=answers(REVISION_REQUIRED, REVISION_STALE, NOT_AN_OWNER))
    async def put_first_contact(
        site_id: PathId, body: FirstContactBody, caller: WhoAsks, revision: Revision, response: Response
    ) -> ServiceState:
        """Choose who is called first: an owner, by which number and word. For owners."""
        return _state(portal, response, await portal.first_contact(caller, site_id, revision, body))

    @router.put("/second-contact", responses=answers(REVISION_REQUIRED, REVISION_STALE, NOT_AN_OWNER, NOT_A_MEMBER))
    async def put_second_contact(
        site_id: PathId, body: SecondContactBody, caller: WhoAsks, revision: Revision, response: Response
    ) -> ServiceState:
        """Choose who is called next: another owner, a member, somebody from outside, nobody. For owners."""
        return _state(portal, response, await portal.second_contact(caller, site_id, revision, body))

    return router


def place_routes(portal: Portal) -> APIRouter:
    """Where the guard goes, and whether."""
    router = _service()
    changing = _changing(portal)

    @router.put("/address", responses=_WRITES)
    async def put_address(body: AddressBody, change: Change = changing) -> ServiceState:
        """Say where the guard goes. For owners."""
        try:
            address = body.address()
        except Refused as refused:
            raise problem_of(refused) from None
        return await change("address", body.model_dump(), lambda before: changes.with_address(before, address))

    @router.put("/instructions", responses=_WRITES)
    async def put_instructions(body: InstructionsBody, change: Change = changing) -> ServiceState:
        """Leave a comment for those who come. For owners."""
        apply = partial(changes.with_instructions, instructions=body.instructions)
        return await change("instructions", body.model_dump(), apply)

    @router.put("/intervention", responses=_WRITES)
    async def put_intervention(body: InterventionBody, change: Change = changing) -> ServiceState:
        """Say whether a guard may be sent. For owners."""
        apply = partial(changes.with_intervention, enabled=body.enabled)
        return await change("intervention", body.model_dump(), apply)

    @router.put("/test", responses=_WRITES)
    async def put_test(body: TestBody, change: Change = changing) -> ServiceState:
        """Put the site on test for at most 24 h, or end it: its alerts open nothing meanwhile. For owners."""
        return await change(
            "test", ["until", body.until], lambda before: changes.with_test_until(before, body.until, now_ms())
        )

    return router


def _changing(portal: Portal, *, by_support: bool = False) -> Any:
    """Return the dependency of routes that change a site without words: what makes a change and answers the state."""

    async def changing(site_id: PathId, caller: WhoAsks, revision: Revision, response: Response) -> Change:
        async def change(what: str, request: Any, apply: Apply) -> ServiceState:
            site = await portal.change(caller, site_id, revision, what, request, apply, by_support=by_support)
            return _state(portal, response, site)

        return change

    return Depends(changing)


def _state(portal: Portal, response: Response, site: Stored) -> ServiceState:
    response.headers["ETag"] = f'"{site.configuration.revision}"'
    return portal.state(site)
