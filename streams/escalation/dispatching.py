"""Asking partners for a guard: what an incident does while it is DISPATCHED or HANDED_OVER (procedure.md §6)."""

from streams.escalation import identity
from streams.escalation.names import DispatchVerb, Rule
from streams.escalation.readiness import is_empty
from streams.escalation.state import Cancelled, Dispatch, Incident
from streams.escalation.turn import Turn
from streams.escalation.values import DispatchCommand, Instant


def current(incident: Incident) -> Dispatch | None:
    """The last dispatch begun; None when nobody was asked."""
    return incident.dispatches[-1] if incident.dispatches else None


def is_cancelled_by_callback(incident: Incident) -> bool:
    """Whether a customer's callback withdrew the last dispatch: nobody is asked again on the old account."""
    last = current(incident)
    return last is not None and last.cancelled == "BY_CALLBACK"


def is_confirmed(incident: Incident) -> bool:
    """Whether the danger is known to be real, so that no callback withdraws the guard."""
    last = current(incident)
    return incident.confirmed or (
        last is not None and last.reason in {"CONFIRMED_ABNORMAL", "DURESS", "OPERATOR_DISPATCH"}
    )


def next_partner(turn: Turn) -> str | None:
    """The first partner in force that this incident has not asked."""
    asked = {dispatch.partner_id for dispatch in turn.incident.dispatches}
    return next((partner for partner in _in_force(turn) if partner not in asked), None)


def begin(turn: Turn, _event: object = None) -> None:
    """Ask the first partner; nobody was asked yet. Never silent: a request or an attention."""
    site = turn.site
    if site is not None and not site.intervention.enabled:
        turn.hand_over("INTERVENTION_DISABLED")
        return
    partner = next_partner(turn)
    if partner is None:
        turn.hand_over("NO_PARTNER")
    else:
        _ask(turn, partner, turn.rule)


def ask_next(turn: Turn) -> None:
    """Ask the next partner on the same account; with none left, hand over."""
    last = turn.incident.dispatches[-1]
    partner = next_partner(turn)
    if partner is None:
        turn.hand_over("NO_PARTNER_LEFT")
    else:
        _ask(turn, partner, last.reason)


def ask_for_operator(turn: Turn) -> None:
    """An operator wants a guard: the next partner, or the first in force again, in place of the last dispatch."""
    last = current(turn.incident)
    if last is None:
        begin(turn)
        return
    if not last.rejected:
        cancel(turn, "OTHERWISE")
    partner = next_partner(turn) or next(iter(_in_force(turn)), None)
    if partner is None:
        turn.hand_over("NO_PARTNER_LEFT")
    else:
        _ask(turn, partner, turn.rule)


def renew(turn: Turn, _event: object = None) -> None:
    """Ask the same partner anew, in force or not: what a callback had withdrawn is needed after all."""
    _ask(turn, turn.incident.dispatches[-1].partner_id, turn.rule)


def request_again(turn: Turn) -> None:
    """Repeat the request to a silent partner, with all that is known by now."""
    incident = turn.incident
    last = incident.dispatches[-1]
    _request(turn, last._replace(attempt=last.attempt + 1))


def amend(turn: Turn, _event: object = None) -> None:
    """Tell the partner what is known by now; a pending amend has nothing left to tell."""
    last = turn.incident.dispatches[-1]
    last = last._replace(amends=last.amends + 1, last_amend_at=turn.now)
    keep(turn.incident, last)
    turn.incident.amend_due = None
    dispatch = identity.dispatch_id(turn.incident.incident_id, last.number)
    _emit(turn, "AMEND", last, identity.amend_id(dispatch, last.amends))


def cancel(turn: Turn, by: Cancelled) -> None:
    """Withdraw the last dispatch, if there is one; at most once, by whichever comes first."""
    turn.incident.amend_due = None
    last = current(turn.incident)
    if last is not None:
        withdraw(turn, last, by)


def withdraw(turn: Turn, dispatch: Dispatch, by: Cancelled) -> None:
    """Send a dispatch, the last or an earlier one, its one CANCEL."""
    if dispatch.cancelled != "NO":
        return
    keep(turn.incident, dispatch._replace(cancelled=by))
    name = identity.dispatch_id(turn.incident.incident_id, dispatch.number)
    _emit(turn, "CANCEL", dispatch, identity.cancel_id(name))


def _in_force(turn: Turn) -> tuple[str, ...]:
    """The partners to ask at this moment: the site's, or the settings' default one."""
    site = turn.site
    listed = tuple(p for p in site.intervention.partners if not is_empty(p)) if site is not None else ()
    if listed:
        return listed
    default = turn.incident.procedure.default_partner
    return () if default is None else (default,)


def _ask(turn: Turn, partner: str, reason: Rule) -> None:
    number = len(turn.incident.dispatches) + 1
    turn.incident.dispatches += (Dispatch(number, partner, reason, 1, "REQUESTED", False, "NO", 0, None),)
    _request(turn, turn.incident.dispatches[-1])


def _request(turn: Turn, dispatch: Dispatch) -> None:
    incident = turn.incident
    keep(incident, dispatch)
    incident.amend_due = None  # a request carries all that is known
    incident.stretch = None
    turn.enter("DISPATCHED", incident.procedure.response_timeout_seconds)
    name = identity.dispatch_id(incident.incident_id, dispatch.number)
    _emit(turn, "REQUEST", dispatch, identity.request_id(name, dispatch.attempt), incident.deadline)


def keep(incident: Incident, dispatch: Dispatch) -> None:
    """Put a dispatch's new version in the place of its old one."""
    place = dispatch.number - 1
    incident.dispatches = (*incident.dispatches[:place], dispatch, *incident.dispatches[place + 1 :])


def _emit(turn: Turn, verb: DispatchVerb, dispatch: Dispatch, command: str, respond_by: Instant | None = None) -> None:
    incident = turn.incident
    site = turn.site
    turn.dispatch(
        DispatchCommand(
            command,
            identity.dispatch_id(incident.incident_id, dispatch.number),
            verb,
            dispatch.attempt,
            incident.incident_id,
            turn.site_id,
            dispatch.partner_id,
            incident.procedure.name,
            dispatch.reason,
            incident.covert,
            incident.alert_kinds,
            incident.alert_count,
            incident.first_alert_at,
            incident.last_alert_at,
            site.address if site is not None else None,
            site.instructions if site is not None else None,
            turn.now,
            respond_by,
            turn.rule,
        )
    )
