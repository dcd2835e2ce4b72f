"""What a partner and a telephony are measured by: read off the state before an input or a deadline is handled.

No site, contact or incident leaves this file, only the partner asked, what it said, and how long that took.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.escalation.identity import dispatch_id
from streams.escalation.names import ReportStatus
from streams.escalation.state import PHASE, Deadline, Dispatch, Incident, SiteState
from streams.escalation.values import DispatchReport, Instant


class Response(NamedTuple):
    """A report on a dispatch. ``seconds`` since its first request, for what ends the wait for an answer."""

    partner: str
    status: ReportStatus
    seconds: float | None


def response(state: SiteState, report: DispatchReport, now: Instant) -> Response | None:
    """Whose dispatch a report is on, by our own account; None: it is on none that is open."""
    for incident in state.incidents:
        if incident.incident_id != report.incident_id:
            continue
        for dispatch in incident.dispatches:
            if dispatch_id(incident.incident_id, dispatch.number) == report.dispatch_id:
                is_answer = _is_awaited(incident, dispatch) and report.status != "UNKNOWN"
                seconds = (now - _asked_at(incident, dispatch)) / 1000 if is_answer else None
                return Response(dispatch.partner_id, report.status, seconds)
    return None


def silent_partner(state: SiteState, deadline: Deadline) -> str | None:
    """The partner whose time to answer ends with a deadline, if that is what the deadline is for."""
    incident = _of(state, deadline)
    if incident is None or not incident.dispatches or not _is_awaited(incident, incident.dispatches[-1]):
        return None
    return incident.dispatches[-1].partner_id


def is_unanswered_call(state: SiteState, deadline: Deadline) -> bool:
    """Whether a deadline ends the time of a call of which no result came."""
    incident = _of(state, deadline)
    return incident is not None and incident.phase in {"CALLING", "CONFIRMING"}


def _of(state: SiteState, deadline: Deadline) -> Incident | None:
    """The incident whose phase a deadline ends."""
    if deadline.kind != PHASE:
        return None
    return next((incident for incident in state.incidents if incident.incident_id == deadline.incident_id), None)


def _is_awaited(incident: Incident, dispatch: Dispatch) -> bool:
    """Whether the partner has been asked and has said nothing yet."""
    return (
        incident.phase == "DISPATCHED"
        and dispatch is incident.dispatches[-1]
        and dispatch.status == "REQUESTED"
        and not dispatch.rejected
        and dispatch.cancelled == "NO"
    )


def _asked_at(incident: Incident, dispatch: Dispatch) -> Instant:
    """When the first request of an awaited dispatch was made: each one waits for the same time (procedure.md §3).

    Of a repeated one, later by as much as its repetitions were late: the state does not keep when they were made.
    """
    assert incident.deadline is not None, "an open incident has a deadline"
    return incident.deadline - dispatch.attempt * incident.procedure.response_timeout_seconds * 1000
