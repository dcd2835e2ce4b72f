"""The words of the desk's pages that stand for symbols of the contracts, and those that its scripts show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MARK = "•"  # of a word for threat, which else looks like a right one


def labels(_: Callable[[str], str]) -> dict[str, Any]:
    """All of them; ``_`` translates a message."""
    return {**_symbols(_), **_of_scripts(_), **_of_steps(_)}


def _symbols(_: Callable[[str], str]) -> dict[str, Any]:
    """For symbols of the contracts."""
    return {
        "item": {
            "CALL": _("Call"),
            "CONFIRM": _("Ask again"),
            "ATTENTION": _("Attention"),
            "INBOUND": _("Inbound call"),
        },
        "kind": {
            "INTRUSION": _("Intrusion"),
            "HOLD_UP": _("Hold-up"),
            "TAMPER": _("Tamper"),
            "FIRE": _("Fire"),
            "OTHER": _("Other"),
        },
        "closed_by": {
            "RESOLVED": _("all is well"),
            "RESOLVED_BY_CALLBACK": _("all is well, by a call back"),
            "INTERVENTION_CLOSED": _("closed by the guard's report"),
            "OPERATOR_CLOSED": _("closed by an operator"),
        },
        "phase": {
            "CALLING": _("Calling"),
            "CONFIRMING": _("Confirming"),
            "WAITING": _("Waiting"),
            "DISPATCHED": _("Guard asked"),
            "HANDED_OVER": _("With the operators"),
            "CLOSED": _("Closed"),
            "SET_ASIDE": _("Set aside by the engine"),
        },
        "role": {"OWNER": _("owner"), "MEMBER": _("member"), "EXTERNAL": _("from outside")},
        "outcome": {
            "IDENTIFIED": _("Identified"),
            "NOT_IDENTIFIED": _("Not identified"),
            "WRONG_CODE": _("Wrong word"),
            "DURESS_CODE": _("Under threat"),
            "NO_ANSWER": _("No answer"),
        },
        "situation": {"NORMAL": _("All is well"), "ABNORMAL": _("Something is wrong"), "UNKNOWN": _("Not known")},
        "reason": {
            "INTERVENTION_DISABLED": _("no guard wanted"),
            "NO_PARTNER": _("no partner"),
            "NO_PARTNER_LEFT": _("no partner left"),
            "CANCEL_UNCONFIRMED": _("cancellation not confirmed"),
            "PARTNER_SILENT": _("partner silent"),
            "PARTNER_LATE": _("guard late"),
            "UNCLOSED": _("no report from site"),
            "CLOSED_UNAWARE": _("closed unaware"),
            "CLOSED_UNVISITED": _("closed unvisited"),
            "DURESS": _("duress"),
            "RUNAWAY": _("alarms do not stop"),
            "CALL_FOR_HELP": _("call for help"),
            "FAILED": _("engine failed"),
            "UNDELIVERED": _("partner not reached"),
            "UNKNOWN_ACCOUNT": _("unknown transmitter"),
        },
    }


def _of_scripts(_: Callable[[str], str]) -> dict[str, Any]:
    """What `desk.js` shows."""
    return {
        "colon": _(": "),
        "covert": _("Covert"),
        "round": _("round %(round)s, contact %(position)s"),
        "round_of": _("round %(round)s, contact %(position)s of %(of)s"),
        "held": _("held by %(name)s"),
        "seen": _("seen by %(name)s"),
        "mine": _("You hold it"),
        "free": _("Nobody holds it"),
        "gone": _("over"),
        "look": _("Look"),
        "take": _("Take"),
        "onward": _("The next call is yours"),
        "nothing": _("There is nothing to do."),
        "comparing": _("Comparing…"),
        "keeping": _("Being kept…"),
        "kept": _("Kept."),
        "late": _("Kept; the call was over, so it counts as a call back."),
        "right": _("Right"),
        "wrong": _("Wrong · %(left)s left"),
        "age": {
            "seen": _("Age of what you see: %(seconds)s s"),
            "behind": _("What you see is %(seconds)s s old. Nothing can be taken, closed or sent meanwhile."),
            "forgotten": _("The engine stands still: %(count)s deadlines have passed without a decision."),
            "clock": _("The clock of this desk differs by %(seconds)s s."),
            "silent": _("The desk does not answer. What you see may be old."),
        },
        "problem": {
            "HELD": _("%(name)s holds it."),
            "NOT_HELD": _("Take it first."),
            "OVER": _("There is nothing to take any more."),
            "STALE": _("What this desk knows of that home is too old. Wait a moment."),
            "UNCONFIRMED": _("Not confirmed; it may have been taken. Press again: it counts once."),
            "UNREACHABLE": _("The desk does not answer. Press again: it counts once."),
            "NOT_VERIFIED": _("The word says something else."),
            "NO_TRIES_LEFT": _("Three words were tried."),
            "TOO_MANY_WRONG_WORDS": _("Too many wrong words for this home: call a supervisor."),
            "UNREADABLE_HASH": _("The word of this contact cannot be compared."),
            "NO_CONTACT": _("Say who is calling first."),
            "EXPIRED": _("The call is over; the next one is on its way."),
            "CHANGED": _("Something has happened that you have not seen. Look again."),
            "FORBIDDEN": _("Only a supervisor may do this."),
            "NOT_FOUND": _("That is not there any more."),
            "UNAUTHENTICATED": _("You are signed out. What you typed stays here; sign in in another tab, and go on."),
            "UNREADABLE": _("Who may do this cannot be read at the moment."),
            "INTERNAL": _("Something went wrong here. The log has it under this request's id."),
            "INVALID": _("The request has fields that are wrong, unknown or missing."),
            "FOREIGN_ORIGIN": _("The request does not come from a page of this address."),
            "TOO_LARGE": _("The body has more than 64 KiB."),
        },
    }


def _of_steps(_: Callable[[str], str]) -> dict[str, Any]:
    """For the timeline."""
    return {
        "dispatch": {
            "REQUEST": _("A guard is asked for"),
            "AMEND": _("The partner learns more"),
            "CANCEL": _("Called off"),
        },
        "report": {
            "ACCEPTED": _("accepted"),
            "REJECTED": _("declined"),
            "EN_ROUTE": _("on the way"),
            "ON_SITE": _("on site"),
            "CLOSED": _("finished"),
        },
        "action": {"CLOSE": _("Closed by an operator"), "DISPATCH": _("Guard sent by an operator")},
        "event": {
            "VIEWED": _("Looked at"),
            "WORD_TRIED": _("Word tried"),
            "CALL_PLACED": _("Call"),
            "ATTENTION_SEEN": _("Seen"),
            "NOTE": _("Note"),
            "UNDELIVERED": _("Partner not reached"),
        },
        "tried": {"RIGHT": _("right"), "WRONG": _("wrong"), "DURESS": f"{_('right')} {MARK}"},
        "restored": _("restored"),
        "cancelled": _("cancelled at the panel"),
        "cancelled_by": _("cancelled at the panel by user %(user)s"),
        "zone": _("zone"),
        "user": _("user"),
        "unauthenticated": _("not authenticated"),
    }
