"""The portal's API of incidents (docs/portal.md)."""

from __future__ import annotations

from fastapi import APIRouter

from edges.portal.api import WhoAsks
from edges.portal.incidents import Incidents, IncidentState
from edges.portal.problems import INCIDENT_OPEN, NO_LEDGER
from edges.web.problems import NOT_FOUND, UNCONFIRMED, documented
from edges.web.routes import Route
from edges.web.values import PathId
from service.clock import now_ms


def incident_routes(incidents: Incidents) -> APIRouter:
    """A site's incidents as its people may see them."""
    router = APIRouter(route_class=Route, tags=["incidents"], prefix="/v1/sites/{site_id}/incidents")

    @router.get("", responses=documented(UNCONFIRMED, NOT_FOUND, NO_LEDGER))
    async def get_incidents(site_id: PathId, caller: WhoAsks) -> list[IncidentState]:
        """The last 50 incidents, the newest first. A silent alarm is not among them."""
        return await incidents.look(caller, site_id)

    @router.put(
        "/{incident_id}/release",
        status_code=204,
        responses=documented(UNCONFIRMED, NOT_FOUND, NO_LEDGER, INCIDENT_OPEN),
    )
    async def release_incident(site_id: PathId, incident_id: PathId, caller: WhoAsks) -> None:
        """Show a silent incident that is over as it was. For support."""
        await incidents.release(caller, site_id, incident_id, now_ms())

    return router
