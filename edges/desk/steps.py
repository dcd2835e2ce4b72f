"""An incident's timeline in words, for its pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from edges.desk.answers import IncidentView, Step
from edges.desk.script import attention_in_words, rule_in_words
from edges.web.values import write_instant

CANCELS: Final = frozenset({"CANCEL", "BURGLARY_CANCEL", "FIRE_CANCEL"})  # of the receiver's table of codes


class Line(NamedTuple):
    """A line of the timeline."""

    at: str
    text: str
    is_decision: bool = False


def lines(incident: IncidentView, words: Mapping[str, Any], language: str, *, with_views: bool = False) -> list[Line]:
    """Signals, calls, answers, decisions and what people did, in their order."""
    found = [Line(signal["received_at"], signal_in_words(signal, words)) for signal in incident.signals]
    found += [
        Line(write_instant(step.at), _text(step, words, language), is_decision=step.kind == "DECISION")
        for step in incident.timeline
        if _shows(step, with_views)
    ]
    return sorted(found, key=lambda line: line.at)


def _shows(step: Step, with_views: bool) -> bool:
    return step.kind != "EVENT" or with_views or step.text != "VIEWED"


def _text(step: Step, words: Mapping[str, Any], language: str) -> str:
    record = step.record
    match step.kind:
        case "DECISION":
            return rule_in_words(record["rule"], language)
        case "CALL":
            return f"{words['item'][record['action']]}{words['colon']}{record['contact_name'] or record['contact_id']}"
        case "RESULT":
            outcome = words["outcome"].get(record["outcome"], record["outcome"])
            situation = words["situation"].get(record["situation"], record["situation"])
            return _joined(f"{outcome}, {situation}", record["operator"], record["detail"])
        case "DISPATCH":
            return _joined(words["dispatch"].get(record["action"], record["action"]), record["partner_id"])
        case "REPORT":
            status = words["report"].get(record["status"], record["status"])
            return _joined(f"{record['partner_id']}{words['colon']}{status}", record["disposition"], record["reason"])
        case "ATTENTION":
            return attention_in_words(record["reason"], language)
        case "ACTION":
            return _joined(
                words["action"].get(record["action"], record["action"]), record["operator"], record["reason"]
            )
        case _:
            event = words["event"].get(record["action"], record["action"])
            detail = record["detail"] if record["action"] != "WORD_TRIED" else words["tried"].get(record["detail"])
            return _joined(event, record["operator"], detail)


def signal_in_words(signal: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """What a panel sent: a cancel in words, else what its code stands for, its zone and user, and who says so."""
    parts = [str(signal["meaning"])]
    if signal["meaning"] in CANCELS and signal["qualifier"] != "RESTORE":
        user = signal["user"]
        parts = [words["cancelled_by"] % {"user": user} if user else words["cancelled"]]
        return _joined(*parts, None if signal["authenticated"] else words["unauthenticated"])
    if signal["qualifier"] == "RESTORE":
        parts.append(words["restored"])
    if signal["zone"]:
        parts.append(f"{words['zone']} {signal['zone']}")
    if signal["user"]:
        parts.append(f"{words['user']} {signal['user']}")
    if not signal["authenticated"]:
        parts.append(words["unauthenticated"])
    return _joined(*parts)


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part)
