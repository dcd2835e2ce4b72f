"""One incident from its first decision to its last: what came in, what was decided, what went out.

Put together from the records themselves: a decision names its input by place and its outputs by id. A named tuple has
the columns to read of each; what is personal (names, numbers, addresses, what people wrote) is read only on request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from sinks.ask.edge_records import DeskEvent, Signal, Take, edge_records
from sinks.ask.incidents import Incident, IncidentFilter, find
from sinks.ask.reading import rows, select
from sinks.database.postgres import Connection


class Alert(NamedTuple):
    """An alert came."""

    id: str
    kind: str
    zone: str | None
    raised_at: int
    detail: str | None  # personal


class Result(NamedTuple):
    """A call ended: ours (OUTBOUND) or the customer's."""

    id: str
    command_id: str | None
    contact_id: str | None
    direction: str
    outcome: str
    situation: str
    message_left: bool
    operator: str | None
    ended_at: int
    detail: str | None  # personal


class Report(NamedTuple):
    """A partner reported."""

    id: str
    dispatch_id: str
    partner_id: str
    status: str
    disposition: str | None
    reported_at: int
    reason: str | None  # personal


class Action(NamedTuple):
    """An operator decided."""

    id: str
    action: str
    operator: str
    taken_at: int
    reason: str | None  # personal


class Deadline(NamedTuple):
    """Nothing came, and that was waited for."""

    id: str


class Unknown(NamedTuple):
    """A record came that the ledger does not have (yet, or any more)."""

    id: str
    kind: str


StepInput: TypeAlias = Alert | Result | Report | Action | Deadline | Unknown


class Call(NamedTuple):
    """A command to the telephony."""

    command_id: str
    action: str
    round: int
    position: int
    contact_id: str
    issued_at: int
    expires_at: int
    contact_name: str | None  # personal
    phone: str | None  # personal


class Dispatch(NamedTuple):
    """A command to a partner."""

    command_id: str
    action: str
    dispatch_id: str
    partner_id: str
    attempt: int
    reason: str
    covert: bool
    issued_at: int
    respond_by: int | None
    address: dict[str, str | None] | None  # personal
    instructions: str | None  # personal


class Attention(NamedTuple):
    """A human was asked to look."""

    attention_id: str
    reason: str
    repeat: int
    covert: bool
    raised_at: int


class Missing(NamedTuple):
    """A record that the ledger does not have (yet, or any more)."""

    id: str


StepOutput: TypeAlias = Call | Dispatch | Attention | Missing


class Step(NamedTuple):
    """One decision."""

    version: int
    at: int
    rule: str
    phase_from: str | None
    phase_to: str | None
    round: int | None
    position: int | None
    deadline: int | None
    disposition: str | None
    came: StepInput
    sent: list[StepOutput]


class Timeline(NamedTuple):
    """An incident and its decisions, in order; the first ones may be gone by retention.

    Beside them what the edges recorded (`sinks.ask.edge_records`): ``signals`` of its site, who took what (``takes``),
    ``desk_events``.
    """

    incident: Incident
    steps: list[Step]
    signals: Sequence[Signal] = ()
    takes: Sequence[Take] = ()
    desk_events: Sequence[DeskEvent] = ()


class _Event(NamedTuple):
    version: int
    at: int
    rule: str
    phase_from: str | None
    phase_to: str | None
    round: int | None
    position: int | None
    deadline: int | None
    disposition: str | None
    outputs: list[str]
    input_kind: str
    input_id: str


# The topics of each kind of input and output: what a kind has no field for is not read.
_INPUTS: Final[Mapping[str, Callable[..., StepInput]]] = MappingProxyType(
    {"alerts": Alert, "call-results": Result, "dispatch-reports": Report, "operator-actions": Action}
)
_OUTPUTS: Final[Mapping[str, Callable[..., StepOutput]]] = MappingProxyType(
    {"calls": Call, "dispatches": Dispatch, "attention": Attention}
)


def timeline(connection: Connection, incident_id: str, *, personal: bool) -> Timeline | None:
    """An incident's timeline; None when the ledger has no such incident. Raises `Away`, `NoLedgerError`."""
    incidents = find(connection, IncidentFilter(incident=incident_id))
    if not incidents:
        return None
    parameters = {"incident": incident_id, "personal": personal}
    # First: a sink may be writing, and what belongs to these decisions is then not read before it is there.
    events = rows(connection, select("timeline_events", "decisions", _Event), parameters, _Event)
    came, sent = _inputs(connection, parameters), _outputs(connection, parameters)
    steps = [
        Step(
            version=event.version,
            at=event.at,
            rule=event.rule,
            phase_from=event.phase_from,
            phase_to=event.phase_to,
            round=event.round,
            position=event.position,
            deadline=event.deadline,
            disposition=event.disposition,
            came=came.get(event.version) or _without_record(event),
            sent=[sent.get(output, Missing(output)) for output in event.outputs],
        )
        for event in events
    ]
    issued = {id_: _issued_at(record) for id_, record in sent.items()}
    return Timeline(incidents[0], steps, *edge_records(connection, incidents[0], issued, personal=personal))


def _issued_at(record: StepOutput) -> int | None:
    if isinstance(record, Missing):
        return None
    return record.raised_at if isinstance(record, Attention) else record.issued_at


def _inputs(connection: Connection, parameters: Mapping[str, Any]) -> dict[int, StepInput]:
    """The record that each decision was taken on, by the version of the decision."""
    came: dict[int, StepInput] = {}
    for topic, kind in _INPUTS.items():
        statement = select("timeline_inputs", topic, kind)
        came |= rows(connection, statement, {**parameters, "topic": topic}, partial(_by_version, kind))
    return came


def _by_version(make: Callable[..., StepInput], /, decision_version: int, **fields: Any) -> tuple[int, StepInput]:
    return decision_version, make(**fields)


def _outputs(connection: Connection, parameters: Mapping[str, Any]) -> dict[str, StepOutput]:
    """The records that the decisions emitted, by their ids."""
    sent: dict[str, StepOutput] = {}
    for topic, kind in _OUTPUTS.items():
        records = rows(connection, select("timeline_outputs", topic, kind), parameters, kind)
        sent |= {record[0]: record for record in records}
    return sent


def _without_record(event: _Event) -> StepInput:
    return Deadline(event.input_id) if event.input_kind == "DEADLINE" else Unknown(event.input_id, event.input_kind)
