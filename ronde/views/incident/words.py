"""An incident's timeline in words, line by line; `ronde.commands.incident` shows them on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ronde.shared.plain import joined, one_line
from ronde.shared.times import clock, span
from sinks.ask.incidents import Incident
from sinks.ask.timeline import (
    Action,
    Alert,
    Attention,
    Call,
    Deadline,
    Dispatch,
    Missing,
    Report,
    Result,
    Step,
    StepOutput,
    Unknown,
)

# What each rule decides (procedure.md §8).
RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "OPENED": "the incident opens: call the first contact",
        "MERGED": "one more alert of this incident",
        "DUPLICATE_ALERT": "an alert that was handled before",
        "DUPLICATE_INPUT": "handled before: nothing changes",
        "NEXT_CONTACT": "call the next contact",
        "WAIT_STARTED": "round 1 is over: wait",
        "WAIT_ENDED": "the wait is over: round 2",
        "WAIT_CUT_SHORT": "a new alert ends the wait: round 2 at once",
        "CODE_REPEAT_ASKED": "wrong code: have it repeated",
        "RESOLVED": "identified, all is well: closed",
        "RESOLVED_BY_CALLBACK": "called back, identified, all is well: closed",
        "UNIDENTIFIED_CALLBACK": "a call that settles nothing",
        "STALE_CALLBACK": "a call from before the last alert: nothing changes",
        "NOTED": "noted: nothing changes",
        "DURESS": "under duress: send a guard, covertly",
        "CONFIRMED_ABNORMAL": "something is wrong: send a guard",
        "CONFIRMATION_FAILED": "the code was not confirmed: send a guard",
        "NOBODY_REACHED": "nobody can say that all is well: send a guard",
        "OPERATOR_DISPATCH": "an operator sends a guard",
        "DISPATCH_AMENDED": "the partner gets the new alert",
        "AMEND_DUE": "what was held back is sent now",
        "DISPATCH_RENEWED": "a new alert after the cancel: ask the partner again",
        "CONFIRMED_AFTER_DISPATCH": "something is wrong: the partner is informed",
        "CANCEL_REQUESTED": "identified, all is well: call the guard off",
        "PARTNER_PROGRESS": "the partner goes on",
        "PARTNER_REJECTED": "the partner rejects",
        "STALE_REPORT": "a report that changes nothing",
        "RESPONSE_TIMED_OUT": "the partner is silent",
        "PARTNER_LATE": "the guard is late",
        "UNCLOSED": "the guard reports no end",
        "STILL_HANDED_OVER": "operators are informed again",
        "INTERVENTION_CLOSED": "the guard is done: closed",
        "CLOSED_UNAWARE": "the guard left without knowing all: operators take over",
        "CLOSED_UNVISITED": "closed without a visit: operators take over",
        "OPERATOR_CLOSED": "an operator closes the incident",
        "CALL_FOR_HELP": "a call for help without an incident",
        "NO_OPEN_INCIDENT": "there is no open incident",
        "FAILED": "the procedure failed: operators take over",
    }
)
# What it decides where no partner can be asked, or none is left: operators have the incident.
_HANDED_OVER: Final = {
    "DURESS": "under duress, no guard can be sent: operators take over, covertly",
    "CONFIRMED_ABNORMAL": "something is wrong, no guard can be sent: operators take over",
    "CONFIRMATION_FAILED": "the code was not confirmed, no guard can be sent: operators take over",
    "NOBODY_REACHED": "nobody can say that all is well, no guard can be sent: operators take over",
    "OPERATOR_DISPATCH": "an operator asks for a guard, none can be sent: operators take over",
    "AMEND_DUE": "what was held back: operators are informed again",
    "CONFIRMED_AFTER_DISPATCH": "something is wrong: operators are informed again",
    "PARTNER_REJECTED": "the partner rejects: operators take over",
    "RESPONSE_TIMED_OUT": "the partner is silent: operators take over",
}
_OUTCOMES: Final = {
    "IDENTIFIED": "identified",
    "NOT_IDENTIFIED": "not identified",
    "WRONG_CODE": "wrong code",
    "DURESS_CODE": "duress code",
    "NO_ANSWER": "no answer",
}
_SITUATIONS: Final = {
    "NORMAL": "all is well",
    "ABNORMAL": "something is wrong",
    "UNKNOWN": "how things are is not known",
}
_STATUSES: Final = {
    "ACCEPTED": "accepts",
    "REJECTED": "rejects",
    "EN_ROUTE": "is on the way",
    "ON_SITE": "is there",
    "CLOSED": "reports the end",
}
_ENDINGS: Final = {
    "RESOLVED": "resolved",
    "RESOLVED_BY_CALLBACK": "by callback",
    "INTERVENTION_CLOSED": "by guard",
    "OPERATOR_CLOSED": "by operator",
}
# What a deadline means, by the phase that it ended.
_TIMES: Final = {
    "CALLING": "no answer in time",
    "CONFIRMING": "no answer in time",
    "WAITING": "the wait ends",
    "DISPATCHED": "nothing heard in time",
    "HANDED_OVER": "nobody closed it in time",
}


def ending(incident: Incident) -> str:
    """How an incident ended, or where it stands."""
    if incident.set_aside_at is not None:
        return "set aside"
    if incident.outcome is None:
        return (incident.phase or "-").lower().replace("_", " ")
    return _ENDINGS.get(incident.outcome, incident.outcome)


def rule(step: Step) -> str:
    """A decision's rule in words, by where it led; its own name when this version does not know it."""
    words = RULES.get(step.rule, step.rule)
    return _HANDED_OVER.get(step.rule, words) if step.phase_to == "HANDED_OVER" else words


def outcome(result: Result) -> str:
    """How a call ended, in a word or two; that something is wrong goes before."""
    if result.situation == "ABNORMAL" and result.outcome != "NO_ANSWER":
        return _SITUATIONS["ABNORMAL"]
    return _OUTCOMES.get(result.outcome, result.outcome)


def status(report: Report) -> str:
    """What a partner reports, in a word or two."""
    return _STATUSES.get(report.status, report.status)


def input_line(step: Step) -> str:
    """The input of a decision, in a line."""
    return one_line(_input_line(step))


def _input_line(step: Step) -> str:
    match step.came:
        case Deadline():
            return _TIMES.get(step.phase_from or "", "the time is over")
        case Alert() as alert:
            return joined(f"alert {alert.kind}", alert.zone and f"zone {alert.zone}", alert.detail, f"id {alert.id}")
        case Result() as result:
            return _answer(result)
        case Report() as report:
            return joined(f"{report.partner_id} {status(report)}", report.disposition, report.reason)
        case Action() as action:
            return joined(f"operator {action.operator}: {action.action}", action.reason)
        case Unknown() as unknown:
            return f"{unknown.kind.lower().replace('_', ' ')} {unknown.id}, which is not in the ledger"


def _answer(result: Result) -> str:
    who = result.contact_id or "somebody"
    how = _OUTCOMES.get(result.outcome, result.outcome)
    situation = None if result.outcome == "NO_ANSWER" else _SITUATIONS.get(result.situation, result.situation)
    answer = joined(how, situation, result.message_left and "message left", result.detail)
    calls = " calls" if result.direction == "INBOUND" else ""
    return joined(f"{who}{calls}: {answer}", result.operator and f"by {result.operator}")


def output_line(output: StepOutput) -> str:
    """A record that a decision emitted, in a line."""
    return one_line(_output_line(output))


def _output_line(output: StepOutput) -> str:
    match output:
        case Call() as call:
            return _call(call)
        case Dispatch() as dispatch:
            return _dispatch(dispatch)
        case Attention() as attention:
            covertly = " covertly" if attention.covert else ""
            again = f" (again: {attention.repeat})" if attention.repeat else ""
            return f"operators are informed{covertly}: {attention.reason}{again}"
        case Missing() as missing:
            return f"{missing.id}, which is not in the ledger"


def _call(call: Call) -> str:
    who = call.contact_id if call.contact_name is None else f"{call.contact_name} ({call.contact_id})"
    place = f"call {call.round}.{call.position}"
    if call.action == "CANCEL":
        return f"{place} is withdrawn"
    purpose = " to repeat the code" if call.action == "CONFIRM" else ""
    return joined(f"{place} to {who}{purpose}", call.phone, f"until {clock(call.expires_at)}")


def _dispatch(dispatch: Dispatch) -> str:
    covertly = " covertly" if dispatch.covert else ""
    request = {
        "REQUEST": f"{dispatch.partner_id} is asked{covertly} for a guard",
        "AMEND": f"{dispatch.partner_id} gets more information{covertly}",
        "CANCEL": f"{dispatch.partner_id} is called off{covertly}",
    }.get(dispatch.action, f"{dispatch.action} to {dispatch.partner_id}{covertly}")
    again = dispatch.action == "REQUEST" and dispatch.attempt > 1 and f"request {dispatch.attempt}"
    until = dispatch.respond_by is not None and f"answer by {clock(dispatch.respond_by)}"
    return joined(request, again, until, _address(dispatch.address), dispatch.instructions)


def _address(address: Mapping[str, str | None] | None) -> str | None:
    """An address as written on a letter; the database keeps no order of its parts."""
    if address is None:
        return None
    city = " ".join(filter(None, (address.get("postal_code"), address.get("city"))))
    return joined(address.get("line1"), address.get("line2"), city, address.get("country"))


def output_lines(step: Step) -> list[str]:
    """What a decision emitted, and the wait that it began, a line each."""
    lines = [output_line(output) for output in step.sent]
    if step.phase_to == "WAITING" and step.phase_from != "WAITING" and step.deadline is not None:
        lines.append(f"wait {span(step.deadline - step.at)}, until {clock(step.deadline)}")
    return lines
