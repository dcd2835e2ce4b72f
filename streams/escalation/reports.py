"""What a partner's report does: the table of procedure.md §6."""

from collections.abc import Mapping
from typing import Final, cast

from streams.escalation import dispatching, identity
from streams.escalation.names import AttentionReason, Phase
from streams.escalation.state import Dispatch, DispatchStatus
from streams.escalation.table import Row, Table, always, nothing
from streams.escalation.turn import Turn
from streams.escalation.values import DispatchReport

_SENT: Final[tuple[Phase, ...]] = ("DISPATCHED", "HANDED_OVER")

# How far a guard has come; what is not here is no progress.
_PROGRESS: Final[Mapping[str, int]] = {"REQUESTED": 0, "ACCEPTED": 1, "EN_ROUTE": 2, "ON_SITE": 3}


def _reported(turn: Turn, report: DispatchReport) -> Dispatch | None:
    """The dispatch, current or earlier, that the report speaks of."""
    incident = turn.incident
    for dispatch in reversed(incident.dispatches):
        if identity.dispatch_id(incident.incident_id, dispatch.number) == report.dispatch_id:
            return dispatch
    return None


def _is_progress(report: DispatchReport) -> bool:
    return report.status in {"ACCEPTED", "EN_ROUTE", "ON_SITE"}


def _is_on_another(turn: Turn, report: DispatchReport) -> bool:
    return not turn.incident.dispatches or _reported(turn, report) is not turn.incident.dispatches[-1]


def _is_a_second_guard(turn: Turn, report: DispatchReport) -> bool:
    """An earlier dispatch, never cancelled, is on its way beside the current one."""
    dispatch = _reported(turn, report)
    return _is_on_another(turn, report) and dispatch is not None and dispatch.cancelled == "NO" and _is_progress(report)


def _withdraw(turn: Turn, report: DispatchReport) -> None:
    dispatching.withdraw(turn, cast("Dispatch", _reported(turn, report)), "OTHERWISE")


def _has_moved_on(turn: Turn, report: DispatchReport) -> bool:
    held = turn.incident.dispatches[-1].status
    return _is_progress(report) and _PROGRESS[report.status] > _PROGRESS[held]


def _move_on(turn: Turn, report: DispatchReport) -> None:
    last = turn.incident.dispatches[-1]
    keeps_deadline = report.status == "EN_ROUTE" and last.status == "ACCEPTED"
    dispatching.keep(turn.incident, last._replace(status=cast("DispatchStatus", report.status)))
    if not keeps_deadline:
        _await_next_step(turn, report)


def _come_back(turn: Turn, report: DispatchReport) -> None:
    last = turn.incident.dispatches[-1]
    dispatching.keep(turn.incident, last._replace(status=cast("DispatchStatus", report.status), rejected=False))
    _await_next_step(turn, report)


def _await_next_step(turn: Turn, report: DispatchReport) -> None:
    procedure = turn.incident.procedure
    arrived = report.status == "ON_SITE"
    turn.incident.stretch = None
    turn.enter("DISPATCHED", procedure.on_site_timeout_seconds if arrived else procedure.arrival_timeout_seconds)


def _is_rejected(turn: Turn, report: DispatchReport) -> bool:
    return report.status == "REJECTED" and turn.incident.dispatches[-1].status != "ON_SITE"


def _is_rejected_after_cancel(turn: Turn, report: DispatchReport) -> bool:
    return _is_rejected(turn, report) and dispatching.is_cancelled_by_callback(turn.incident)


def _ask_next(turn: Turn, _report: DispatchReport) -> None:
    dispatching.keep(turn.incident, turn.incident.dispatches[-1]._replace(rejected=True))
    dispatching.ask_next(turn)


def _leave_unconfirmed(turn: Turn, _report: DispatchReport) -> None:
    dispatching.keep(turn.incident, turn.incident.dispatches[-1]._replace(rejected=True))
    turn.hand_over("CANCEL_UNCONFIRMED")


def _is_closed_already(turn: Turn, report: DispatchReport) -> bool:
    return report.status == "CLOSED" and turn.incident.dispatches[-1].status == "CLOSED"


def _is_done(turn: Turn, report: DispatchReport) -> bool:
    incident = turn.incident
    return report.status == "CLOSED" and (
        (incident.dispatches[-1].status == "ON_SITE" and incident.amend_due is None)
        or dispatching.is_cancelled_by_callback(incident)
    )


def _is_unaware(turn: Turn, report: DispatchReport) -> bool:
    return report.status == "CLOSED" and turn.incident.dispatches[-1].status == "ON_SITE"


def _close(turn: Turn, report: DispatchReport) -> None:
    turn.disposition = report.disposition
    turn.close()


def _leave(turn: Turn, reason: AttentionReason) -> None:
    dispatching.keep(turn.incident, turn.incident.dispatches[-1]._replace(status="CLOSED"))
    if turn.incident.phase == "HANDED_OVER":
        turn.raise_again(reason)  # the operators have it already: its deadline stays, a pending amend too
    else:
        turn.hand_over(reason)


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
            "progress, whatever status was held",
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
            lambda turn, _: _leave(turn, "CLOSED_UNAWARE"),
        ),
        Row(
            _SENT,
            "CLOSED otherwise",
            lambda _, report: report.status == "CLOSED",
            "CLOSED_UNVISITED",
            lambda turn, _: _leave(turn, "CLOSED_UNVISITED"),
        ),
        Row(_SENT, "same or earlier status, REJECTED too late, or unknown", always, "STALE_REPORT", nothing),
    ),
)
