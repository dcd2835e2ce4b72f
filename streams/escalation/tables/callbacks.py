"""A call from the customer's side: the callback lines of procedure.md §5.

A callback is an inbound result, or any other that does not answer the outstanding call.
"""

from typing import Final

from streams.escalation import dispatching, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import Phase
from streams.escalation.readiness import is_empty
from streams.escalation.tables.table import Row, Table, always, nothing
from streams.escalation.values import CallResult

_UNSENT: Final[tuple[Phase, ...]] = ("CALLING", "CONFIRMING", "WAITING")
_SENT: Final[tuple[Phase, ...]] = ("DISPATCHED", "HANDED_OVER")
_OPEN: Final[tuple[Phase, ...]] = ("CALLING", "CONFIRMING", "WAITING", "DISPATCHED", "HANDED_OVER")


def is_duress(result: CallResult) -> bool:
    """Whether the customer gave the code that means: I speak under threat."""
    return result.outcome == "DURESS_CODE"


def is_abnormal(result: CallResult) -> bool:
    """Whether somebody was heard, and something is wrong."""
    return result.situation == "ABNORMAL" and result.outcome != "NO_ANSWER"


def is_call_for_help(result: CallResult) -> bool:
    """Whether the callback must not be lost, even when its incident is over."""
    return is_duress(result) or is_abnormal(result)


def _says_all_is_well(update: IncidentUpdate, result: CallResult) -> bool:
    """Whether a contact of the site says that all is well: a password under an unknown name must not stop a guard."""
    return result.outcome == "IDENTIFIED" and result.situation == "NORMAL" and _is_known(update, result.contact_id)


def _is_known(update: IncidentUpdate, contact_id: str | None) -> bool:
    """Whether a contact is in the site's record, or was called in the incident's round; or none is named."""
    if is_empty(contact_id) or any(callee.contact_id == contact_id for callee in update.incident.contacts):
        return True
    return update.site is not None and any(contact.contact_id == contact_id for contact in update.site.contacts)


def _is_stale(update: IncidentUpdate, result: CallResult) -> bool:
    """Whether all was well before the last alert: the callback says nothing about that alert."""
    accepted = update.incident.last_accepted_at
    return _says_all_is_well(update, result) and accepted is not None and result.ended_at < accepted


def _is_past_cancelling(update: IncidentUpdate, result: CallResult) -> bool:
    incident = update.incident
    last = incident.dispatches[-1]
    return _says_all_is_well(update, result) and (
        last.cancelled != "NO" or incident.covert or last.status == "ON_SITE" or dispatching.is_confirmed(incident)
    )


def _dispatch_covertly(update: IncidentUpdate, _result: CallResult) -> None:
    update.note_duress()
    _dispatch(update, _result)


def _dispatch(update: IncidentUpdate, _result: CallResult) -> None:
    rounds.cancel_call(update)
    dispatching.begin(update)


def _confirm_covertly(update: IncidentUpdate, result: CallResult) -> None:
    update.note_duress()
    _confirm(update, result)


def _confirm(update: IncidentUpdate, _result: CallResult) -> None:
    update.incident.confirmed = True
    if dispatching.is_cancelled_by_callback(update.incident):
        dispatching.renew(update)
    elif update.incident.phase == "DISPATCHED":
        dispatching.amend(update)
    else:
        update.attention_again()


def _close(update: IncidentUpdate, _result: CallResult) -> None:
    rounds.cancel_call(update)
    update.close()


def _cancel_dispatch(update: IncidentUpdate, _result: CallResult) -> None:
    dispatching.cancel(update, "BY_CALLBACK")


CALLBACKS: Final = Table[CallResult](
    "callback",
    (
        Row(_UNSENT, "DURESS_CODE", lambda _, result: is_duress(result), "DURESS", _dispatch_covertly),
        Row(_SENT, "DURESS_CODE", lambda _, result: is_duress(result), "CONFIRMED_AFTER_DISPATCH", _confirm_covertly),
        Row(
            _UNSENT,
            "ABNORMAL, not NO_ANSWER",
            lambda _, result: is_abnormal(result),
            "CONFIRMED_ABNORMAL",
            _dispatch,
        ),
        Row(
            _SENT,
            "ABNORMAL, not NO_ANSWER",
            lambda _, result: is_abnormal(result),
            "CONFIRMED_AFTER_DISPATCH",
            _confirm,
        ),
        Row(_OPEN, "IDENTIFIED, NORMAL, ended before the last accepted alert", _is_stale, "STALE_CALLBACK", nothing),
        Row(
            _UNSENT,
            "IDENTIFIED, NORMAL",
            _says_all_is_well,
            "RESOLVED_BY_CALLBACK",
            _close,
        ),
        Row(
            ("DISPATCHED",),
            "IDENTIFIED, NORMAL; cancelled already, covert, on site, or confirmed",
            _is_past_cancelling,
            "NOTED",
            nothing,
        ),
        Row(
            ("DISPATCHED",),
            "IDENTIFIED, NORMAL",
            _says_all_is_well,
            "CANCEL_REQUESTED",
            _cancel_dispatch,
        ),
        Row(("HANDED_OVER",), "IDENTIFIED, NORMAL", _says_all_is_well, "NOTED", nothing),
        Row(_OPEN, "any other", always, "UNIDENTIFIED_CALLBACK", nothing),
    ),
)
