"""The portal's page of a site's incidents."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from edges.portal.callers import caller_of
from edges.portal.incidents import Incidents
from edges.portal.page_parts import Visitor, base_of
from edges.portal.problems import INCIDENT_OPEN, NO_LEDGER
from edges.portal.sentences import ENDINGS, KINDS
from edges.web.pages import Pages, form_of
from edges.web.problems import NOT_FOUND, Problem
from edges.web.routes import Route
from edges.web.values import PathId, write_instant
from service.clock import now_ms


class IncidentPages:
    """The page over the use cases."""

    def __init__(self, incidents: Incidents, pages: Pages) -> None:
        self._incidents = incidents
        self._pages = pages

    def routes(self) -> APIRouter:
        """The page, and support's form on it."""
        router = APIRouter(include_in_schema=False, route_class=Route, prefix="/sites/{site_id}/incidents")
        router.add_api_route("", self.incidents, methods=["GET"])
        router.add_api_route("", self.release, methods=["POST"])
        return router

    async def incidents(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """When something happened, of which kind, and how it ended."""
        return await self._page(request, site_id, person)

    async def release(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Release an incident. For support."""
        incident_id = (await form_of(request)).get("incident_id", "").strip()[:128]
        try:
            await self._incidents.release(caller_of(person), site_id, incident_id, now_ms())
        except Problem as problem:
            if problem.kind is INCIDENT_OPEN:
                return await self._page(request, site_id, person, "It is not over yet.", 409)
            if problem.kind is NOT_FOUND:
                return await self._page(request, site_id, person, "This site has no such incident.", 422)
            raise
        return RedirectResponse(f"{base_of(site_id)}/incidents", status_code=303)

    async def _page(
        self, request: Request, site_id: str, person: Visitor, error: str = "", status: int = 200
    ) -> Response:
        caller = caller_of(person)

        def say(message: str) -> str:
            return self._pages.say(request, message)

        try:
            incidents = await self._incidents.look(caller, site_id)
        except Problem as problem:
            if problem.kind is not NO_LEDGER:
                raise
            incidents = None
        lines = [
            {
                "opened_at": write_instant(incident.opened_at),
                "kinds": ", ".join(say(KINDS.get(kind, kind)) for kind in incident.kinds),
                "ended_at": "" if incident.ended_at is None else write_instant(incident.ended_at),
                "ending": say(ENDINGS[incident.ending]) if incident.ending else "",
                "mood": "good" if incident.ending == "WELL" else "",
            }
            for incident in incidents or ()
        ]
        return self._pages.render(
            request,
            "incidents.html",
            status,
            person=person,
            base=base_of(site_id),
            lines=lines,
            has_ledger=incidents is not None,
            is_support=caller.is_support,
            error=say(error) if error else "",
        )
