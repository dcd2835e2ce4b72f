"""What a restore asks of a state: no more than the first fields of its open incidents."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas.avro.loader import Schema
from streams.escalation.names import Phase
from streams.escalation.state import AMEND, PHASE, Deadline
from streams.escalation.values import Instant


class IncidentHeader(NamedTuple):
    """An open incident's first fields, as `Incident` and its schema have them: all that a restore asks for."""

    incident_id: str
    phase: Phase
    deadline: Instant | None
    amend_due: Instant | None

    def deadlines(self) -> list[Deadline]:
        """The same as `SiteState.deadlines` of a state with this one incident."""
        armed: list[Deadline] = []
        if self.deadline is not None:
            armed.append(Deadline(self.deadline, self.incident_id, PHASE))
        if self.amend_due is not None:
            armed.append(Deadline(self.amend_due, self.incident_id, AMEND))
        return armed


def header_schema(state_schema: Schema) -> Schema:
    """The schema of the part of an encoded incident that is a `IncidentHeader`."""
    incident: dict[str, Any] = state_schema["fields"][0]["type"]["items"]
    return {**incident, "name": "IncidentHeader", "fields": incident["fields"][: len(IncidentHeader._fields)]}
