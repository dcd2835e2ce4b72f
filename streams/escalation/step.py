"""The functions of the core: one for each kind of input of a site (procedure.md §7).

Pure: the same arguments give the same result, nothing else is read or written, and the state that came in stays
unchanged. The caller keeps the order of time and arms the deadlines of a state.
"""

from streams.escalation import memory, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.input_context import InputContext, Step, input_ref
from streams.escalation.inputs import attention_without_incident, on_action, on_alert, on_report, on_result
from streams.escalation.procedures import Procedures
from streams.escalation.readiness import readiness
from streams.escalation.state import AMEND, Deadline, SiteState
from streams.escalation.tables import deadlines
from streams.escalation.values import (
    Alert,
    Attention,
    CallResult,
    DispatchReport,
    Event,
    InputRef,
    Instant,
    Output,
    Site,
    SiteInForce,
    SiteRecord,
    Source,
)

__all__ = ["Step", "is_forgettable", "on_deadline", "on_event", "on_failed_deadline", "on_site", "set_aside_attention"]


def on_event(
    state: SiteState,
    record: SiteInForce | None,
    event: Event,
    source: Source,
    now: Instant,
    procedures: Procedures,
) -> Step:
    """Decide an alert, result, report or action of a site at ``now``.

    ``record`` is the site's record in force (None: none, or deleted). Fire the deadlines due at or before
    ``now`` first.
    """
    site_id = event.site_id
    if isinstance(event, Alert):
        context = InputContext(site_id, state, record, input_ref("ALERT", event.alert_id, source), now)
        on_alert(context, event, procedures)
    elif isinstance(event, CallResult):
        context = InputContext(site_id, state, record, input_ref("CALL_RESULT", event.result_id, source), now)
        on_result(context, event)
    elif isinstance(event, DispatchReport):
        context = InputContext(site_id, state, record, input_ref("DISPATCH_REPORT", event.report_id, source), now)
        on_report(context, event)
    else:
        context = InputContext(site_id, state, record, input_ref("OPERATOR_ACTION", event.action_id, source), now)
        on_action(context, event, procedures)
    return context.step()


def on_deadline(site_id: str, state: SiteState, record: SiteInForce | None, deadline: Deadline, now: Instant) -> Step:
    """Fire an armed deadline of the state; ``now`` is never before it."""
    context, update = _meet(site_id, state, record, deadline, now)
    if deadline.kind == AMEND:
        deadlines.AMEND_DEADLINES.decide(update, None)
    elif rounds.outstanding_id(update.incident) is not None:
        deadlines.time_out_call(update)
    else:
        deadlines.PHASE_DEADLINES.decide(update, None)
    context.conclude(update)
    return context.step()


def on_failed_deadline(
    site_id: str, state: SiteState, record: SiteInForce | None, deadline: Deadline, now: Instant
) -> Step:
    """Hand the incident over (rule and attention FAILED), as `on_deadline` raised."""
    context, update = _meet(site_id, state, record, deadline, now)
    update.rule = "FAILED"
    update.hand_over("FAILED")
    context.conclude(update)
    return context.step()


def on_site(state: SiteState, before: SiteInForce | None, site: Site | None, now: Instant) -> Step:
    """Replace the record ``before`` by a new one, or its tombstone (``site`` None); publish readiness.

    A deleted site's last record stays with its open incidents until they close.
    """
    if site is not None:
        return Step(state._replace(last_record=None), [Output("readiness", readiness(site, now))], [])
    last: SiteRecord | None = None
    if state.incidents:
        last = state.last_record if before is None else SiteRecord(before.offset, before.site)
    return Step(state._replace(last_record=last), [Output("readiness", None)], [])


def set_aside_attention(site_id: str, state: SiteState | None, source: Source, now: Instant) -> Attention:
    """Return the attention FAILED of a site whose state record, at ``source``, is set aside (procedure.md §7).

    ``state`` is the record's value; None if it does not decode, so that it is unknown whether an incident was covert.
    """
    covert = state is not None and any(incident.covert for incident in state.incidents)
    return attention_without_incident(site_id, source, "FAILED", covert=covert, now=now)


def is_forgettable(state: SiteState, now: Instant) -> bool:
    """Whether the state is empty by now, so that a tombstone can replace its record."""
    return not state.incidents and not memory.unexpired(state.remembered, now)


def _meet(
    site_id: str, state: SiteState, record: SiteInForce | None, deadline: Deadline, now: Instant
) -> tuple[InputContext, IncidentUpdate]:
    assert now >= deadline.at, "a deadline never fires early"
    assert deadline in state.deadlines(), "a deadline fires once, and only while it is armed"
    cause = InputRef("DEADLINE", deadline.incident_id, None, None, None)
    context = InputContext(site_id, state, record, cause, now)
    incident = context.by_id(deadline.incident_id)
    assert incident is not None
    return context, context.update(incident)
