"""One incident from its first decision to its last: what came in, what was decided, what went out.

Put together from the records themselves: a decision names its input by place and its outputs by id. What is personal
(names, numbers, addresses, what people wrote) is read only when it is asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from sinks.ask.incidents import Incident, IncidentFilter, find
from sinks.ask.reading import rows
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


Came: TypeAlias = Alert | Result | Report | Action | Deadline | Unknown


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


Sent: TypeAlias = Call | Dispatch | Attention | Missing


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
    came: Came
    sent: list[Sent]


class Timeline(NamedTuple):
    """An incident and its decisions, in order; the first ones may be gone by retention."""

    incident: Incident
    steps: list[Step]


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
    alert_kind: str | None
    alert_zone: str | None
    alert_raised_at: int | None
    alert_detail: str | None
    result_direction: str | None
    result_outcome: str | None
    result_situation: str | None
    result_message_left: bool | None
    result_operator: str | None
    result_ended_at: int | None
    result_command_id: str | None
    result_contact_id: str | None
    result_detail: str | None
    report_dispatch_id: str | None
    report_partner_id: str | None
    report_status: str | None
    report_disposition: str | None
    report_reported_at: int | None
    report_reason: str | None
    action_action: str | None
    action_operator: str | None
    action_taken_at: int | None
    action_reason: str | None


def timeline(connection: Connection, incident_id: str, *, personal: bool) -> Timeline | None:
    """An incident's timeline; None when the ledger has no such incident. Raises `Away`, `NoLedgerError`."""
    found = find(connection, IncidentFilter(incident=incident_id))
    if not found:
        return None
    asked = {"incident": incident_id, "personal": personal}
    sent: dict[str, Sent] = {}
    sent |= {call.command_id: call for call in rows(connection, "timeline_calls", asked, Call)}
    sent |= {dispatch.command_id: dispatch for dispatch in rows(connection, "timeline_dispatches", asked, Dispatch)}
    sent |= {raised.attention_id: raised for raised in rows(connection, "timeline_attention", asked, Attention)}
    events = rows(connection, "timeline_events", asked, _Event)
    return Timeline(
        found[0],
        [
            Step(*event[:9], _came(event), [sent.get(output, Missing(output)) for output in event.outputs])
            for event in events
        ],
    )


def _came(event: _Event) -> Came:
    """The input of a decision."""

    def made(kind: Any, prefix: str) -> Any:
        return kind(event.input_id, *(getattr(event, f"{prefix}_{name}") for name in kind._fields[1:]))

    came: Came
    if event.input_kind == "DEADLINE":
        came = Deadline(event.input_id)
    elif event.alert_kind is not None:
        came = made(Alert, "alert")
    elif event.result_outcome is not None:
        came = made(Result, "result")
    elif event.report_status is not None:
        came = made(Report, "report")
    elif event.action_action is not None:
        came = made(Action, "action")
    else:
        came = Unknown(event.input_id, event.input_kind)
    return came
