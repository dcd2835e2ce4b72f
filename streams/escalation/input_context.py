"""One input at one site: what every kind of input needs to be decided, and the results so far."""

from __future__ import annotations

from dataclasses import dataclass

from streams.escalation import identity, memory
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import InputKind, ProcedureName, Rule
from streams.escalation.procedures import PROCEDURE_ORDER
from streams.escalation.state import Handled, Incident, Remembered, SiteState
from streams.escalation.values import Decision, InputRef, Instant, Output, SiteInForce, Source


@dataclass(slots=True)
class Step:
    """The site's new state, the records to write, in order, and the table rows that decided."""

    state: SiteState
    outputs: list[Output]
    rows: list[str]


class InputContext:
    """An input of ``site_id`` at ``now``, the site's record, and its state as the updates change it.

    ``record`` is the site's record in force; of a deleted site it is None, and its open incidents continue under the
    last record.
    """

    __slots__ = ("_rows", "cause", "in_force", "now", "outputs", "record", "site_id", "state")

    def __init__(
        self, site_id: str, state: SiteState, record: SiteInForce | None, cause: InputRef, now: Instant
    ) -> None:
        self.site_id = site_id
        self.state = state
        self.record = record
        self.in_force = record or state.last_record
        self.cause = cause
        self.now = now
        self.outputs: list[Output] = []
        self._rows: list[str] = []

    def by_id(self, incident_id: str) -> Incident | None:
        """Return the open incident of this id."""
        for known in self.state.incidents:
            if known.incident_id == incident_id:
                return known
        return None

    def by_procedure(self, name: ProcedureName | None) -> Incident | None:
        """Return the open incident of this procedure; there is at most one."""
        for known in self.state.incidents:
            if known.procedure.name == name:
                return known
        return None

    def update(self, incident: Incident) -> IncidentUpdate:
        """Begin the update of an open incident, on a copy."""
        return IncidentUpdate(self.site_id, self.in_force, incident.copy(), incident.phase, self.now)

    def is_duplicate(self, incident: Incident, entry: Handled) -> bool:
        """Whether the incident handled this input before; if so, conclude with that decision."""
        if entry not in incident.handled:
            return False
        update = self.update(incident)
        update.rule = "DUPLICATE_INPUT"
        self.conclude(update)
        return True

    def conclude(
        self, update: IncidentUpdate, handled: Handled | None = None, accepted: Remembered | None = None
    ) -> None:
        """Put the updated incident into the state, its records into the outputs; a closed incident leaves the state.

        The incident remembers ``handled``; the site remembers ``accepted``, an alert or the action that opened it.
        """
        draft = update.incident
        if handled is not None:
            draft.handled = memory.handle(draft.handled, handled)
        self.outputs += update.outputs(self.cause)
        self._rows += update.rows
        incidents, remembered, last_record = self.state
        name = draft.procedure.name
        still = [known for known in incidents if known.procedure.name != name]
        if draft.phase != "CLOSED":
            still.insert(0 if name == PROCEDURE_ORDER[0] else len(still), draft)
        if accepted is not None:
            remembered = memory.remember(remembered, accepted)
        self.state = SiteState(tuple(still), remembered, last_record if still else None)

    def conclude_without_incident(self, rule: Rule, *outputs: str) -> None:
        """Add a decision of no incident: version 0, no phase; ``outputs`` are the ids of the records it names."""
        decision = Decision(
            decision_id=identity.source_id(self.cause.source),
            incident_id=None,
            procedure_version=None,
            site_id=self.site_id,
            version=0,
            at=self.now,
            input=self.cause,
            site_offset=self.site_offset,
            rule=rule,
            phase_from=None,
            phase_to=None,
            round=None,
            position=None,
            deadline=None,
            disposition=None,
            outputs=outputs,
        )
        self.outputs.append(Output("decisions", decision))

    @property
    def site_offset(self) -> int | None:
        """The offset of the site record in force, or of a deleted site's last record while an incident is open."""
        return self.in_force.offset if self.in_force is not None else None

    def step(self) -> Step:
        """Return the result of the input."""
        return Step(self.state, self.outputs, self._rows)


def input_ref(kind: InputKind, input_id: str, source: Source) -> InputRef:
    """Return the reference by which decisions name an input of a topic."""
    return InputRef(kind, input_id, source.topic, source.partition, source.offset)
