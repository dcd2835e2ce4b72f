"""The rounds of calls: what an incident does while it is CALLING, CONFIRMING or WAITING (procedure.md §3, §4)."""

from typing import cast

from streams.escalation import identity
from streams.escalation.names import CallVerb
from streams.escalation.readiness import callees
from streams.escalation.state import Incident
from streams.escalation.turn import Turn
from streams.escalation.values import CallCommand


def outstanding_id(incident: Incident) -> str | None:
    """The id of the command whose answer is awaited; None in a phase that awaits none."""
    if incident.phase == "CALLING":
        return identity.call_id(incident.incident_id, incident.round, incident.position)
    if incident.phase == "CONFIRMING":
        return identity.confirm_id(identity.call_id(incident.incident_id, incident.round, incident.position))
    return None


def has_contact_left(incident: Incident) -> bool:
    """Whether the round has someone after the contact called last."""
    return incident.position < len(incident.contacts)


def begin_round(turn: Turn, _event: object = None) -> None:
    """Call the first of the contacts in force now; if none is left, those of the round before."""
    incident = turn.incident
    in_force = callees(turn.site) if turn.site is not None else ()
    incident.contacts = in_force or incident.contacts
    incident.round += 1
    incident.position = 0
    call_next(turn)


def call_next(turn: Turn, _event: object = None) -> None:
    """Call the next contact of the round."""
    incident = turn.incident
    incident.position += 1
    turn.enter("CALLING", incident.procedure.call_timeout_seconds)
    _command(turn, "CALL", identity.call_id(incident.incident_id, incident.round, incident.position), None)


def ask_again(turn: Turn, _event: object = None) -> None:
    """Have the same contact repeat the code and confirm."""
    incident = turn.incident
    turn.enter("CONFIRMING", incident.procedure.call_timeout_seconds)
    call = identity.call_id(incident.incident_id, incident.round, incident.position)
    _command(turn, "CONFIRM", identity.confirm_id(call), call)


def wait(turn: Turn, _event: object = None) -> None:
    """Nobody was reached: leave them the time to call back."""
    turn.enter("WAITING", turn.incident.procedure.wait_seconds)


def cancel_call(turn: Turn) -> None:
    """Withdraw the outstanding call, if there is one, repeating what it said when it was issued."""
    incident = turn.incident
    target = outstanding_id(incident)
    if target is not None:
        # The phase's deadline is the moment the withdrawn command expires.
        _emit(turn, "CANCEL", identity.cancel_id(target), target, cast("int", incident.deadline))


def _command(turn: Turn, verb: CallVerb, command: str, target: str | None) -> None:
    incident = turn.incident
    incident.kinds_at_call = len(incident.alert_kinds)
    _emit(turn, verb, command, target, cast("int", incident.deadline))


def _emit(turn: Turn, verb: CallVerb, command: str, target: str | None, expires_at: int) -> None:
    incident = turn.incident
    contact = incident.contacts[incident.position - 1]
    turn.call(
        CallCommand(
            command,
            verb,
            target,
            incident.incident_id,
            turn.site_id,
            incident.procedure.name,
            incident.round,
            incident.position,
            contact.contact_id,
            contact.name,
            contact.phone,
            contact.language,
            incident.alert_kinds[: incident.kinds_at_call],
            True,  # a caller who gets no answer leaves a message, always
            turn.now,
            expires_at,
        )
    )
