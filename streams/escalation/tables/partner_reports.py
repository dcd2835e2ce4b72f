"""A partner's report: the table of procedure.md §6."""

from collections.abc import Mapping
from typing import Final, cast

from streams.escalation import dispatching, identity
from streams.escalation.attention_reasons import AttentionReason
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import Phase
from streams.escalation.state import Dispatch, DispatchStatus
from streams.escalation.tables.table import Row, Table, always, nothing
from streams.escalation.values import DispatchReport

_SENT: Final[tuple[Phase, ...]] = ("DISPATCHED", "HANDED_OVER")

# How far a guard has come; a status that is not here is no progress.
_PROGRESS: Final[Mapping[str, int]] = {"REQUESTED": 0, "ACCEPTED": 1, "EN_ROUTE": 2, "ON_SITE": 3}


def _reported(update: IncidentUpdate, report: DispatchReport) -> Dispatch | None:
    """Return the dispatch, current or earlier, that the report names."""
    incident = update.incident
    for dispatch in reversed(incident.dispatches):
        if identity.dispatch_id(incident.incident_id, dispatch.number) == report.dispatch_id:
            return dispatch
    return None


def _is_progress(report: DispatchReport) -> bool:
    return report.status in {"ACCEPTED", "EN_ROUTE", "ON_SITE"}


def _is_on_another(update: IncidentUpdate, report: DispatchReport) -> bool:
    return not update.incident.dispatches or _reported(update, report) is not update.incident.dispatches[-1]


def _is_a_second_guard(update: IncidentUpdate, report: DispatchReport) -> bool:
    """Whether an earlier dispatch, never cancelled, is on its way beside the current one."""
    dispatch = _reported(update, report)
    return (
        _is_on_another(update, report) and dispatch is not None and dispatch.cancelled == "NO" and _is_progress(report)
    )


def _withdraw(update: IncidentUpdate, report: DispatchReport) -> None:
    dispatching.withdraw(update, cast("Dispatch", _reported(update, report)), "OTHERWISE")


def _has_moved_on(update: IncidentUpdate, report: DispatchReport) -> bool:
    held = update.incident.dispatches[-1].status
    return _is_progress(report) and _PROGRESS[report.status] > _PROGRESS[held]


def _move_on(update: IncidentUpdate, report: DispatchReport) -> None:
    last = update.incident.dispatches[-1]
    keeps_deadline = report.status == "EN_ROUTE" and last.status == "ACCEPTED"
    dispatching.keep(update.incident, last._replace(status=cast("DispatchStatus", report.status)))
    if not keeps_deadline:
        _await_next_step(update, report)


def _come_back(update: IncidentUpdate, report: DispatchReport) -> None:
    last = update.incident.dispatches[-1]
    dispatching.keep(update.incident, last._replace(status=cast("DispatchStatus", report.status), rejected=False))
    _await_next_step(update, report)


def _await_next_step(update: IncidentUpdate, report: DispatchReport) -> None:
    procedure = update.incident.procedure
    arrived = report.status == "ON_SITE"
    update.incident.stretch = None
    update.enter("DISPATCHED", procedure.on_site_timeout_seconds if arrived else procedure.arrival_timeout_seconds)


def _is_rejected(update: IncidentUpdate, report: DispatchReport) -> bool:
    return report.status == "REJECTED" and update.incident.dispatches[-1].status != "ON_SITE"


def _is_rejected_after_cancel(update: IncidentUpdate, report: DispatchReport) -> bool:
    return _is_rejected(update, report) and dispatching.is_cancelled_by_callback(update.incident)


def _ask_next(update: IncidentUpdate, _report: DispatchReport) -> None:
    dispatching.keep(update.incident, update.incident.dispatches[-1]._replace(rejected=True))
    dispatching.ask_next(update)


def _leave_unconfirmed(update: IncidentUpdate, _report: DispatchReport) -> None:
    dispatching.keep(update.incident, update.incident.dispatches[-1]._replace(rejected=True))
    update.hand_over("CANCEL_UNCONFIRMED")


def _is_closed_already(update: IncidentUpdate, report: DispatchReport) -> bool:
    return report.status == "CLOSED" and update.incident.dispatches[-1].status == "CLOSED"


def _is_done(update: IncidentUpdate, report: DispatchReport) -> bool:
    incident = update.incident
    return report.status == "CLOSED" and (
        (incident.dispatches[-1].status == "ON_SITE" and incident.amend_due is None)
        or dispatching.is_cancelled_by_callback(incident)
    )


def _is_unaware(update: IncidentUpdate, report: DispatchReport) -> bool:
    return report.status == "CLOSED" and update.incident.dispatches[-1].status == "ON_SITE"


def _close(update: IncidentUpdate, report: DispatchReport) -> None:
    update.disposition = report.disposition
    update.close()


def _leave(update: IncidentUpdate, reason: AttentionReason) -> None:
    dispatching.keep(update.incident, update.incident.dispatches[-1]._replace(status="CLOSED"))
    if update.incident.phase == "HANDED_OVER":
        update.raise_again(reason)  # the operators have it already: its deadline stays, a pending amend too
    else:
        update.hand_over(reason)


REPORTS: Final = Table[DispatchReport](
    "partner's report",
    (
        Row(("CALLING", "CONFIRMING", "WAITING"), "nobody was asked", always, "STALE_REPORT", nothing),
        Row(
            _SENT,
            "progress on an earlier dispatch that was never cancelled: its one CANCEL",
            _is_a_second_guard,
            "STALE_REPORT",
            _withdraw,
        ),
        Row(_SENT, "on any other dispatch", _is_on_another, "STALE_REPORT", nothing),
        Row(("DISPATCHED",), "progress, later than the status held", _has_moved_on, "PARTNER_PROGRESS", _move_on),
        Row(
            ("HANDED_OVER",),
            "progress, from any status",
            lambda _, report: _is_progress(report),
            "PARTNER_PROGRESS",
            _come_back,
        ),
        Row(
            ("DISPATCHED",),
            "REJECTED before ON_SITE, cancelled by a callback",
            _is_rejected_after_cancel,
            "PARTNER_REJECTED",
            _leave_unconfirmed,
        ),
        Row(("DISPATCHED",), "REJECTED before ON_SITE", _is_rejected, "PARTNER_REJECTED", _ask_next),
        Row(("HANDED_OVER",), "CLOSED, another time", _is_closed_already, "STALE_REPORT", nothing),
        Row(
            _SENT,
            "CLOSED after ON_SITE and no amend pending, or cancelled by a callback",
            _is_done,
            "INTERVENTION_CLOSED",
            _close,
        ),
        Row(
            _SENT,
            "CLOSED after ON_SITE, an amend pending",
            _is_unaware,
            "CLOSED_UNAWARE",
            lambda update, _: _leave(update, "CLOSED_UNAWARE"),
        ),
        Row(
            _SENT,
            "CLOSED otherwise",
            lambda _, report: report.status == "CLOSED",
            "CLOSED_UNVISITED",
            lambda update, _: _leave(update, "CLOSED_UNVISITED"),
        ),
        Row(_SENT, "same or earlier status, REJECTED too late, or unknown", always, "STALE_REPORT", nothing),
    ),
)
