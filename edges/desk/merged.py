"""The kinds of alerts that were merged while nothing was commanded: no command names them yet, so they are fetched.

A hold-up during a call makes the call urgent, and only a supervisor may close its incident.
"""

from __future__ import annotations

from edges.desk.backlog import Backlog
from edges.desk.incident import Incident
from edges.desk.records import Records
from edges.desk.state import DeskState


class MergedKinds:
    """Fetches what the state asks for, in the background or at once."""

    def __init__(self, state: DeskState, records: Records) -> None:
        self._state = state
        self._records = records
        # By partition: one whose leader hangs holds no other up.
        self._backlogs = [Backlog(waiting, self._learn) for waiting in state.unlearned]

    def catch_up(self) -> None:
        """Go on fetching, without waiting."""
        for backlog in self._backlogs:
            backlog.catch_up()

    async def fetch(self, partition: int) -> None:
        """Fetch all of a partition, as far as Kafka gives it."""
        await self._backlogs[partition].fetch()

    async def _learn(self, incident_id: str) -> None:
        incident = self._state.incidents.get(incident_id)
        if incident is not None:
            await self.learn(incident)

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
                self._state.look_again(incident)
