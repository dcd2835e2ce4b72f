"""What falls due: the table of procedure.md §3, and the amend that was held back (§5)."""

from typing import Final

from streams.escalation import dispatching, rounds
from streams.escalation.answers import ANSWERS, TIMED_OUT
from streams.escalation.table import Row, Table, always
from streams.escalation.turn import Turn


def time_out_call(turn: Turn) -> None:
    """The outstanding call expired: as NO_ANSWER to that command."""
    ANSWERS.decide(turn, TIMED_OUT)


def _is_silent(turn: Turn) -> bool:
    return turn.incident.dispatches[-1].status == "REQUESTED"


def _is_silent_after_cancel(turn: Turn, _: None) -> bool:
    return _is_silent(turn) and dispatching.is_cancelled_by_callback(turn.incident)


def _has_request_left(turn: Turn, _: None) -> bool:
    return _is_silent(turn) and turn.incident.dispatches[-1].attempt < turn.incident.procedure.requests


def _has_partner_left(turn: Turn, _: None) -> bool:
    return _is_silent(turn) and dispatching.next_partner(turn) is not None


def _is_under_way(turn: Turn, _: None) -> bool:
    return turn.incident.dispatches[-1].status in {"ACCEPTED", "EN_ROUTE"}


def _tell_of_silence(turn: Turn) -> None:
    """The first silence of each dispatch is told, before anything else is."""
    if turn.incident.dispatches[-1].attempt == 1:
        turn.raise_once("PARTNER_SILENT")


def _leave_unconfirmed(turn: Turn, _: None) -> None:
    _tell_of_silence(turn)
    turn.hand_over("CANCEL_UNCONFIRMED")


def _request_again(turn: Turn, _: None) -> None:
    _tell_of_silence(turn)
    dispatching.request_again(turn)


def _ask_next(turn: Turn, _: None) -> None:
    _tell_of_silence(turn)
    dispatching.cancel(turn, "OTHERWISE")
    dispatching.ask_next(turn)


def _give_up(turn: Turn, _: None) -> None:
    """Nobody else to ask: the silent partner keeps its request, in case it wakes up."""
    _tell_of_silence(turn)
    turn.hand_over("NO_PARTNER_LEFT")


def _late(turn: Turn, _: None) -> None:
    turn.enter("DISPATCHED", turn.incident.procedure.attention_interval_seconds)
    turn.raise_again("PARTNER_LATE")


def _unclosed(turn: Turn, _: None) -> None:
    turn.enter("DISPATCHED", turn.incident.procedure.attention_interval_seconds)
    turn.raise_again("UNCLOSED")


def _still_handed_over(turn: Turn, _: None) -> None:
    turn.enter("HANDED_OVER", turn.incident.procedure.attention_interval_seconds)
    turn.attention_again()


def _attention_held_back(turn: Turn, _: None) -> None:
    turn.incident.amend_due = None
    turn.attention_again()


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
            lambda turn, _: _is_silent(turn),
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
