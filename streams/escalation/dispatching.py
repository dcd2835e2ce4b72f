"""Asking partners for a guard: what an incident does while it is DISPATCHED or HANDED_OVER (procedure.md §6)."""

from streams.escalation import identity
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import DispatchVerb, Rule
from streams.escalation.readiness import is_empty
from streams.escalation.state import Cancelled, Dispatch, Incident
from streams.escalation.values import DispatchCommand, Instant


def current(incident: Incident) -> Dispatch | None:
    """Return the last dispatch begun; None when no partner was asked."""
    return incident.dispatches[-1] if incident.dispatches else None


def is_cancelled_by_callback(incident: Incident) -> bool:
    """Whether a customer's callback withdrew the last dispatch: no partner is asked again for the same alerts."""
    last = current(incident)
    return last is not None and last.cancelled == "BY_CALLBACK"


def is_confirmed(incident: Incident) -> bool:
    """Whether the danger is known to be real, so that no callback withdraws the guard."""
    last = current(incident)
    return incident.confirmed or (
        last is not None and last.reason in {"CONFIRMED_ABNORMAL", "DURESS", "OPERATOR_DISPATCH"}
    )


def next_partner(update: IncidentUpdate) -> str | None:
    """Return the first partner in force that this incident has not asked."""
    asked = {dispatch.partner_id for dispatch in update.incident.dispatches}
    return next((partner for partner in _in_force(update) if partner not in asked), None)


def begin(update: IncidentUpdate, _event: object = None) -> None:
    """Ask the first partner, where none was asked yet. The result is a request or an attention, never nothing."""
    site = update.site
    if site is not None and not site.intervention.enabled:
        update.hand_over("INTERVENTION_DISABLED")
        return
    partner = next_partner(update)
    if partner is None:
        update.hand_over("NO_PARTNER")
    else:
        _ask(update, partner, update.rule)


def ask_next(update: IncidentUpdate) -> None:
    """Ask the next partner for the same reason; with none left, hand over."""
    last = update.incident.dispatches[-1]
    partner = next_partner(update)
    if partner is None:
        update.hand_over("NO_PARTNER_LEFT")
    else:
        _ask(update, partner, last.reason)


def ask_for_operator(update: IncidentUpdate) -> None:
    """Send a guard on an operator's word: the next partner, or the first in force again, replaces the last dispatch."""
    last = current(update.incident)
    if last is None:
        begin(update)
        return
    if not last.rejected:
        cancel(update, "OTHERWISE")
    partner = next_partner(update) or next(iter(_in_force(update)), None)
    if partner is None:
        update.hand_over("NO_PARTNER_LEFT")
    else:
        _ask(update, partner, update.rule)


def renew(update: IncidentUpdate, _event: object = None) -> None:
    """Ask the same partner again, in force or not: the dispatch that a callback withdrew is needed after all."""
    _ask(update, update.incident.dispatches[-1].partner_id, update.rule)


def request_again(update: IncidentUpdate) -> None:
    """Repeat the request to a silent partner, with everything known by now."""
    incident = update.incident
    last = incident.dispatches[-1]
    _request(update, last._replace(attempt=last.attempt + 1))


def amend(update: IncidentUpdate, _event: object = None) -> None:
    """Send the partner everything known by now; this includes what a pending amend would send."""
    last = update.incident.dispatches[-1]
    last = last._replace(amends=last.amends + 1, last_amend_at=update.now)
    keep(update.incident, last)
    update.incident.amend_due = None
    dispatch = identity.dispatch_id(update.incident.incident_id, last.number)
    _emit(update, "AMEND", last, identity.amend_id(dispatch, last.amends))


def cancel(update: IncidentUpdate, by: Cancelled) -> None:
    """Withdraw the last dispatch, if any; of two reasons to withdraw it, the first counts."""
    update.incident.amend_due = None
    last = current(update.incident)
    if last is not None:
        withdraw(update, last, by)


def withdraw(update: IncidentUpdate, dispatch: Dispatch, by: Cancelled) -> None:
    """Send the CANCEL of a dispatch, the last or an earlier one; each has one at most."""
    if dispatch.cancelled != "NO":
        return
    keep(update.incident, dispatch._replace(cancelled=by))
    name = identity.dispatch_id(update.incident.incident_id, dispatch.number)
    _emit(update, "CANCEL", dispatch, identity.cancel_id(name))


def _in_force(update: IncidentUpdate) -> tuple[str, ...]:
    """Return the partners to ask now: the site's, or the default one of the settings."""
    site = update.site
    listed = tuple(p for p in site.intervention.partners if not is_empty(p)) if site is not None else ()
    if listed:
        return listed
    default = update.incident.procedure.default_partner
    return () if default is None else (default,)


def _ask(update: IncidentUpdate, partner: str, reason: Rule) -> None:
    dispatch = Dispatch(
        number=len(update.incident.dispatches) + 1,
        partner_id=partner,
        reason=reason,
        attempt=1,
        status="REQUESTED",
        rejected=False,
        cancelled="NO",
        amends=0,
        last_amend_at=None,
    )
    update.incident.dispatches += (dispatch,)
    _request(update, dispatch)


def _request(update: IncidentUpdate, dispatch: Dispatch) -> None:
    incident = update.incident
    keep(incident, dispatch)
    incident.amend_due = None  # a request carries everything known
    incident.stretch = None
    update.enter("DISPATCHED", incident.procedure.response_timeout_seconds)
    name = identity.dispatch_id(incident.incident_id, dispatch.number)
    _emit(update, "REQUEST", dispatch, identity.request_id(name, dispatch.attempt), incident.deadline)


def keep(incident: Incident, dispatch: Dispatch) -> None:
    """Replace a dispatch by its new version."""
    place = dispatch.number - 1
    assert incident.dispatches[place].number == dispatch.number, "dispatches are numbered from 1, without a gap"
    incident.dispatches = (*incident.dispatches[:place], dispatch, *incident.dispatches[place + 1 :])


def _emit(
    update: IncidentUpdate, verb: DispatchVerb, dispatch: Dispatch, command: str, respond_by: Instant | None = None
) -> None:
    incident = update.incident
    site = update.site
    update.dispatch(
        DispatchCommand(
            command_id=command,
            dispatch_id=identity.dispatch_id(incident.incident_id, dispatch.number),
            action=verb,
            attempt=dispatch.attempt,
            incident_id=incident.incident_id,
            site_id=update.site_id,
            partner_id=dispatch.partner_id,
            procedure=incident.procedure.name,
            reason=dispatch.reason,
            covert=incident.covert,
            alert_kinds=incident.alert_kinds,
            alert_count=incident.alert_count,
            first_alert_at=incident.first_alert_at,
            last_alert_at=incident.last_alert_at,
            address=site.address if site is not None else None,
            instructions=site.instructions if site is not None else None,
            issued_at=update.now,
            respond_by=respond_by,
            cause=update.rule,
        )
    )
