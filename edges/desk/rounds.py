"""How many contacts a round calls, where the site's record in force is no longer the one that the round began with."""

from __future__ import annotations

import asyncio

from edges.desk.records import Records
from edges.desk.state import DeskState
from edges.kafka.errors import KafkaAwayError


class RoundSizes:
    """Fetches what the state asks for, in the background."""

    def __init__(self, state: DeskState, records: Records) -> None:
        self._state = state
        self._records = records
        self._task: asyncio.Task[None] | None = None

    def catch_up(self) -> None:
        """Go on fetching, without waiting."""
        if self._state.unsized and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self.fetch())

    async def fetch(self) -> None:
        """Fetch all; what Kafka does not give now is asked for again."""
        while self._state.unsized:
            incident_id, number = asked = self._state.unsized.pop()
            incident = self._state.incidents.get(incident_id)
            if incident is None:
                continue
            try:
                site = await self._records.at(
                    "sites", incident.partition, incident.round_offsets[number], incident.site_id
                ) or await self._records.site(incident.site_id)
            except KafkaAwayError:
                self._state.unsized.add(asked)
                return
            incident.round_sizes[number] = 0 if site is None else site.callees
            self._state.dirty.update(incident.calls)
