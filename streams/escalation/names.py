"""The names of the procedure, as types that mypy checks (procedure.md §1-§8); see also `attention_reasons`.

The names are plain strings, spelt as on the wire: the type check catches a misspelt one, and a decision needs no
conversion to become a record.
"""

from typing import Final, Literal, TypeAlias, get_args

ProcedureName: TypeAlias = Literal["SECURITY", "FIRE"]
AlertKind: TypeAlias = Literal["INTRUSION", "HOLD_UP", "TAMPER", "FIRE", "OTHER"]
Role: TypeAlias = Literal["OWNER", "MEMBER", "EXTERNAL"]
Direction: TypeAlias = Literal["OUTBOUND", "INBOUND"]
Outcome: TypeAlias = Literal["IDENTIFIED", "NOT_IDENTIFIED", "WRONG_CODE", "DURESS_CODE", "NO_ANSWER"]
Situation: TypeAlias = Literal["NORMAL", "ABNORMAL", "UNKNOWN"]
ReportStatus: TypeAlias = Literal["ACCEPTED", "REJECTED", "EN_ROUTE", "ON_SITE", "CLOSED", "UNKNOWN"]
OperatorVerb: TypeAlias = Literal["CLOSE", "DISPATCH"]
CallVerb: TypeAlias = Literal["CALL", "CONFIRM", "CANCEL"]
DispatchVerb: TypeAlias = Literal["REQUEST", "AMEND", "CANCEL"]

Phase: TypeAlias = Literal["CALLING", "CONFIRMING", "WAITING", "DISPATCHED", "HANDED_OVER", "CLOSED"]
OPEN_PHASES: Final[tuple[Phase, ...]] = ("CALLING", "CONFIRMING", "WAITING", "DISPATCHED", "HANDED_OVER")

InputKind: TypeAlias = Literal["ALERT", "CALL_RESULT", "DISPATCH_REPORT", "OPERATOR_ACTION", "DEADLINE"]

Rule: TypeAlias = Literal[
    "OPENED",
    "MERGED",
    "DUPLICATE_ALERT",
    "DUPLICATE_INPUT",
    "NEXT_CONTACT",
    "WAIT_STARTED",
    "WAIT_ENDED",
    "WAIT_CUT_SHORT",
    "CODE_REPEAT_ASKED",
    "RESOLVED",
    "RESOLVED_BY_CALLBACK",
    "UNIDENTIFIED_CALLBACK",
    "STALE_CALLBACK",
    "NOTED",
    "DURESS",
    "CONFIRMED_ABNORMAL",
    "CONFIRMATION_FAILED",
    "NOBODY_REACHED",
    "OPERATOR_DISPATCH",
    "DISPATCH_AMENDED",
    "AMEND_DUE",
    "DISPATCH_RENEWED",
    "CONFIRMED_AFTER_DISPATCH",
    "CANCEL_REQUESTED",
    "PARTNER_PROGRESS",
    "PARTNER_REJECTED",
    "STALE_REPORT",
    "RESPONSE_TIMED_OUT",
    "PARTNER_LATE",
    "UNCLOSED",
    "STILL_HANDED_OVER",
    "INTERVENTION_CLOSED",
    "CLOSED_UNAWARE",
    "CLOSED_UNVISITED",
    "OPERATOR_CLOSED",
    "CALL_FOR_HELP",
    "NO_OPEN_INCIDENT",
    "FAILED",
]
RULES: Final[tuple[Rule, ...]] = get_args(Rule)

QuarantineReason: TypeAlias = Literal["UNSUPPORTED_KIND", "UNKNOWN_SITE", "NOT_SUBSCRIBED", "NOT_READY", "ON_TEST"]
QUARANTINE_REASONS: Final[tuple[QuarantineReason, ...]] = get_args(QuarantineReason)

OutputTopic: TypeAlias = Literal["calls", "dispatches", "attention", "decisions", "readiness", "quarantine"]
