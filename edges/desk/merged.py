"""The kinds of alerts that were merged while nothing was commanded: no command names them yet, so they are fetched.

A hold-up during a call makes the call urgent, and only a supervisor may close its incident.
"""

from __future__ import annotations

import asyncio

from edges.desk.incident import Incident
from edges.desk.records import Records
from edges.desk.state import DeskState
from edges.kafka.errors import KafkaAwayError


class MergedKinds:
    """Fetches what the state asks for, in the background or at once."""

    def __init__(self, state: DeskState, records: Records) -> None:
        self._state = state
        self._records = records
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def catch_up(self) -> None:
        """Go on fetching, without waiting; a partition whose leader hangs holds no other up."""
        for partition, incidents in enumerate(self._state.unlearned):
            if incidents and (partition not in self._tasks or self._tasks[partition].done()):
                self._tasks[partition] = asyncio.create_task(self.fetch(partition))

    async def fetch(self, partition: int) -> None:
        """Fetch all of a partition; what Kafka does not give now is asked for again."""
        waiting = self._state.unlearned[partition]
        while waiting:
            incident_id = waiting.pop()
            incident = self._state.incidents.get(incident_id)
            if incident is None:
                continue
            try:
                await self.learn(incident)
            except KafkaAwayError:
                waiting.add(incident_id)
                return

    async def learn(self, incident: Incident) -> None:
        """Learn the kinds of all its alerts so far. Raises `KafkaAwayError`."""
        while incident.merged:
            place = incident.merged[0]
            alert = await self._records.at("alerts", *place, incident.site_id)
            if incident.merged[:1] != [place]:
                continue  # it was learned meanwhile
            del incident.merged[0]
            if alert is not None:
                incident.learn_kind(alert.kind)
                self._state.dirty.update(incident.calls)
