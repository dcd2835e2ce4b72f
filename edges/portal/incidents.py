"""What a site's people see of its incidents, from the ledger; what is silent stays so until support releases it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel

from edges.portal.callers import Caller, Right
from edges.portal.core import Instant as Milliseconds
from edges.portal.problems import INCIDENT_OPEN
from edges.portal.store import Store
from edges.web.problems import NOT_FOUND
from edges.web.values import Instant

LAST: Final = 50


class IncidentState(BaseModel):
    """An incident; ``ended_at`` and ``ending`` are null while it is open."""

    incident_id: str
    kinds: list[str]
    opened_at: Instant
    ended_at: Instant | None
    ending: Literal["WELL", "AFTER_INTERVENTION", "BY_THE_CENTRE", "SET_ASIDE"] | None


class Incidents:
    """The use cases: look, and release."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(self, caller: Caller, site_id: str) -> list[IncidentState]:
        """The last incidents, the newest first. Raises NOT_FOUND, NO_LEDGER."""
        await self._check(caller, site_id)
        incidents = await self._store.incidents(site_id, LAST)
        return [IncidentState.model_validate(incident) for incident in incidents]

    async def release(self, caller: Caller, site_id: str, incident_id: str, now: Milliseconds) -> None:
        """Show a silent incident that is over as it was. Raises FORBIDDEN, NOT_FOUND, INCIDENT_OPEN, NO_LEDGER."""
        caller.check_support()
        await self._check(caller, site_id)
        is_over = await self._store.release(site_id, incident_id, caller.name, now)
        if is_over is None:
            raise NOT_FOUND.error()
        if not is_over:
            raise INCIDENT_OPEN.error()

    async def _check(self, caller: Caller, site_id: str) -> None:
        await caller.check(site_id, self._store, Right.LOOK)
        if await self._store.site(site_id) is None:
            raise NOT_FOUND.error()
