"""Deadlines: the table of procedure.md §3, and the amend that was held back (§5)."""

from typing import Final

from streams.escalation import dispatching, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.tables.answers import ANSWERS, TIMED_OUT
from streams.escalation.tables.table import Row, Table, always


def time_out_call(update: IncidentUpdate) -> None:
    """Take the expiry of the outstanding call as the answer NO_ANSWER."""
    ANSWERS.decide(update, TIMED_OUT)


def _is_silent(update: IncidentUpdate) -> bool:
    return update.incident.dispatches[-1].status == "REQUESTED"


def _is_silent_after_cancel(update: IncidentUpdate, _: None) -> bool:
    return _is_silent(update) and dispatching.is_cancelled_by_callback(update.incident)


def _has_request_left(update: IncidentUpdate, _: None) -> bool:
    return _is_silent(update) and update.incident.dispatches[-1].attempt < update.incident.procedure.requests


def _has_partner_left(update: IncidentUpdate, _: None) -> bool:
    return _is_silent(update) and dispatching.next_partner(update) is not None


def _is_under_way(update: IncidentUpdate, _: None) -> bool:
    return update.incident.dispatches[-1].status in {"ACCEPTED", "EN_ROUTE"}


def _raise_first_silence(update: IncidentUpdate) -> None:
    """Raise an attention for the first silence of each dispatch, before all else."""
    if update.incident.dispatches[-1].attempt == 1:
        update.raise_once("PARTNER_SILENT")


def _leave_unconfirmed(update: IncidentUpdate, _: None) -> None:
    _raise_first_silence(update)
    update.hand_over("CANCEL_UNCONFIRMED")


def _request_again(update: IncidentUpdate, _: None) -> None:
    _raise_first_silence(update)
    dispatching.request_again(update)


def _ask_next(update: IncidentUpdate, _: None) -> None:
    _raise_first_silence(update)
    dispatching.cancel(update, "OTHERWISE")
    dispatching.ask_next(update)


def _give_up(update: IncidentUpdate, _: None) -> None:
    """Hand over, with no partner left to ask; the silent one keeps its request, and may still answer."""
    _raise_first_silence(update)
    update.hand_over("NO_PARTNER_LEFT")


def _late(update: IncidentUpdate, _: None) -> None:
    update.enter("DISPATCHED", update.incident.procedure.attention_interval_seconds)
    update.raise_again("PARTNER_LATE")


def _unclosed(update: IncidentUpdate, _: None) -> None:
    update.enter("DISPATCHED", update.incident.procedure.attention_interval_seconds)
    update.raise_again("UNCLOSED")


def _still_handed_over(update: IncidentUpdate, _: None) -> None:
    update.enter("HANDED_OVER", update.incident.procedure.attention_interval_seconds)
    update.attention_again()


def _attention_held_back(update: IncidentUpdate, _: None) -> None:
    update.incident.amend_due = None
    update.attention_again()


PHASE_DEADLINES: Final = Table[None](
    "deadline",
    (
        Row(("WAITING",), "the wait ends", always, "WAIT_ENDED", rounds.begin_round),
        Row(
            ("DISPATCHED",),
            "partner silent after a callback's cancel",
            _is_silent_after_cancel,
            "RESPONSE_TIMED_OUT",
            _leave_unconfirmed,
        ),
        Row(
            ("DISPATCHED",),
            "partner silent, a request is left",
            _has_request_left,
            "RESPONSE_TIMED_OUT",
            _request_again,
        ),
        Row(
            ("DISPATCHED",),
            "partner silent after the last request, a partner is left",
            _has_partner_left,
            "RESPONSE_TIMED_OUT",
            _ask_next,
        ),
        Row(
            ("DISPATCHED",),
            "partner silent after the last request, none is left",
            lambda update, _: _is_silent(update),
            "RESPONSE_TIMED_OUT",
            _give_up,
        ),
        Row(("DISPATCHED",), "accepted or en route", _is_under_way, "PARTNER_LATE", _late),
        Row(("DISPATCHED",), "on site", always, "UNCLOSED", _unclosed),
        Row(("HANDED_OVER",), "the attention again", always, "STILL_HANDED_OVER", _still_handed_over),
    ),
)

AMEND_DEADLINES: Final = Table[None](
    "pending amend",
    (
        Row(("DISPATCHED",), "amend", always, "AMEND_DUE", dispatching.amend),
        Row(("HANDED_OVER",), "the attention again", always, "AMEND_DUE", _attention_held_back),
    ),
)
