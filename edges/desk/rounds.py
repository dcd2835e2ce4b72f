"""How many contacts a round calls, where the site's record in force is no longer the one that the round began with."""

from __future__ import annotations

from edges.desk.backlog import Backlog
from edges.desk.records import Records
from edges.desk.state import DeskState


class RoundSizes(Backlog[tuple[str, int]]):
    """Fetches what the state asks for, in the background."""

    def __init__(self, state: DeskState, records: Records) -> None:
        super().__init__(state.unsized, self._size)
        self._state = state
        self._records = records

    async def _size(self, asked: tuple[str, int]) -> None:
        incident_id, number = asked
        incident = self._state.incidents.get(incident_id)
        if incident is None:
            return
        site = await self._records.at(
            "sites", incident.partition, incident.round_offsets[number], incident.site_id
        ) or await self._records.site(incident.site_id)
        incident.round_sizes[number] = 0 if site is None else site.callees
        self._state.dirty.update(incident.calls)
