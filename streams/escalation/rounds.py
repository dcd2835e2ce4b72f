"""The rounds of calls: what an incident does while it is CALLING, CONFIRMING or WAITING (procedure.md §3, §4)."""

from typing import cast

from streams.escalation import identity
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import CallVerb
from streams.escalation.readiness import callees
from streams.escalation.state import Incident
from streams.escalation.values import CallCommand


def outstanding_id(incident: Incident) -> str | None:
    """Return the id of the command whose answer is awaited; None in a phase that awaits none."""
    if incident.phase == "CALLING":
        return identity.call_id(incident.incident_id, incident.round, incident.position)
    if incident.phase == "CONFIRMING":
        return identity.confirm_id(identity.call_id(incident.incident_id, incident.round, incident.position))
    return None


def has_contact_left(incident: Incident) -> bool:
    """Whether the round has a contact after the one called last."""
    return incident.position < len(incident.contacts)


def begin_round(update: IncidentUpdate, _event: object = None) -> None:
    """Call the first of the contacts in force now; where there is none, of those of the round before."""
    incident = update.incident
    in_force = callees(update.site) if update.site is not None else ()
    incident.contacts = in_force or incident.contacts
    incident.round += 1
    incident.position = 0
    call_next(update)


def call_next(update: IncidentUpdate, _event: object = None) -> None:
    """Call the next contact of the round."""
    incident = update.incident
    incident.position += 1
    update.enter("CALLING", incident.procedure.call_timeout_seconds)
    _command(update, "CALL", identity.call_id(incident.incident_id, incident.round, incident.position), None)


def ask_again(update: IncidentUpdate, _event: object = None) -> None:
    """Ask the same contact to repeat the code and confirm."""
    incident = update.incident
    update.enter("CONFIRMING", incident.procedure.call_timeout_seconds)
    call = identity.call_id(incident.incident_id, incident.round, incident.position)
    _command(update, "CONFIRM", identity.confirm_id(call), call)


def wait(update: IncidentUpdate, _event: object = None) -> None:
    """Wait for a contact to call back, as nobody was reached."""
    update.enter("WAITING", update.incident.procedure.wait_seconds)


def cancel_call(update: IncidentUpdate) -> None:
    """Withdraw the outstanding call, if any, with the fields that it had when it was issued."""
    incident = update.incident
    target = outstanding_id(incident)
    if target is not None:
        # The phase's deadline is the moment the withdrawn command expires.
        _emit(update, "CANCEL", identity.cancel_id(target), target, cast("int", incident.deadline))


def _command(update: IncidentUpdate, verb: CallVerb, command: str, target: str | None) -> None:
    incident = update.incident
    incident.kinds_at_call = len(incident.alert_kinds)
    _emit(update, verb, command, target, cast("int", incident.deadline))


def _emit(update: IncidentUpdate, verb: CallVerb, command: str, target: str | None, expires_at: int) -> None:
    incident = update.incident
    contact = incident.contacts[incident.position - 1]
    update.call(
        CallCommand(
            command_id=command,
            action=verb,
            target_command_id=target,
            incident_id=incident.incident_id,
            site_id=update.site_id,
            procedure=incident.procedure.name,
            round=incident.round,
            position=incident.position,
            contact_id=contact.contact_id,
            contact_name=contact.name,
            phone=contact.phone,
            language=contact.language,
            alert_kinds=incident.alert_kinds[: incident.kinds_at_call],
            leave_message=True,  # a caller who gets no answer always leaves a message
            issued_at=update.now,
            expires_at=expires_at,
        )
    )
