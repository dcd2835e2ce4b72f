"""A new alert for an open incident of its procedure: the first line of procedure.md §5."""

from typing import Final

from streams.escalation import dispatching, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.state import Incident
from streams.escalation.tables.table import Row, Table, always, nothing
from streams.escalation.values import Alert, Instant


def accept(incident: Incident, alert: Alert, now: Instant) -> None:
    """Count an alert, in every phase; the one that opens the incident, too."""
    if alert.kind not in incident.alert_kinds:
        incident.alert_kinds += (alert.kind,)
    incident.alert_count += 1
    if incident.first_alert_at is None:
        incident.first_alert_at = alert.raised_at
    incident.last_alert_at = alert.raised_at
    incident.last_accepted_at = now


def raise_runaway(update: IncidentUpdate) -> None:
    """Raise RUNAWAY for a panel that does not stop: once, at the alert that reaches the threshold."""
    if update.incident.alert_count == update.incident.procedure.runaway_threshold:
        update.raise_once("RUNAWAY")


def _is_recent(update: IncidentUpdate, since: Instant | None) -> bool:
    return since is not None and update.now - since < update.incident.procedure.amend_interval_seconds * 1000


def _amended_recently(update: IncidentUpdate, _alert: Alert) -> bool:
    return _is_recent(update, update.incident.dispatches[-1].last_amend_at)


def _raised_recently(update: IncidentUpdate, _alert: Alert) -> bool:
    return _is_recent(update, update.incident.last_attention_at)


def _hold_amend(update: IncidentUpdate, _alert: Alert) -> None:
    _hold(update, update.incident.dispatches[-1].last_amend_at)


def _hold_attention(update: IncidentUpdate, _alert: Alert) -> None:
    _hold(update, update.incident.last_attention_at)


def _hold(update: IncidentUpdate, since: Instant | None) -> None:
    """Hold back one amend until the interval ends, for any number of alerts until then."""
    incident = update.incident
    assert since is not None, "an amend is held back only after a recent one"
    due = since + incident.procedure.amend_interval_seconds * 1000
    # An amend held back while HANDED_OVER may still be pending; the earlier of the two informs the partner.
    incident.amend_due = due if incident.amend_due is None else min(incident.amend_due, due)


def _attention_again(update: IncidentUpdate, _alert: Alert) -> None:
    update.attention_again()


def _cancelled_by_callback(update: IncidentUpdate, _alert: Alert) -> bool:
    return dispatching.is_cancelled_by_callback(update.incident)


MERGES: Final = Table[Alert](
    "new alert",
    (
        Row(("CALLING", "CONFIRMING"), "merge", always, "MERGED", nothing),
        Row(("WAITING",), "merge, round 2 at once", always, "WAIT_CUT_SHORT", rounds.begin_round),
        Row(
            ("DISPATCHED", "HANDED_OVER"),
            "after a callback's cancel: ask the same partner again",
            _cancelled_by_callback,
            "DISPATCH_RENEWED",
            dispatching.renew,
        ),
        Row(
            ("DISPATCHED",),
            "less than amend_interval after the last amend: one amend when it ends",
            _amended_recently,
            "MERGED",
            _hold_amend,
        ),
        Row(("DISPATCHED",), "merge, amend", always, "DISPATCH_AMENDED", dispatching.amend),
        Row(
            ("HANDED_OVER",),
            "less than amend_interval after the last attention: the attention again when it ends",
            _raised_recently,
            "MERGED",
            _hold_attention,
        ),
        Row(("HANDED_OVER",), "merge, the attention again", always, "MERGED", _attention_again),
    ),
)
