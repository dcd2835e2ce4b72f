"""The state of a site between two inputs (procedure.md §1, §3, §6).

Only the core writes it, always on a copy. `State.avsc` has the same fields in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from streams.escalation.attention_reasons import AttentionReason
from streams.escalation.names import Phase, Rule
from streams.escalation.procedures import Procedure
from streams.escalation.values import Instant, SiteRecord

# How long a site remembers an accepted alert (less than this), and how many.
MEMORY_MS: Final = 24 * 3600 * 1000
MEMORY_SIZE: Final = 256
# How many of the results, reports and actions it handled an incident remembers.
HANDLED_SIZE: Final = 64


class Remembered(NamedTuple):
    """An accepted alert, or an operator's action that opened an incident (``kind`` is ``DISPATCH``)."""

    id: str
    kind: str
    instant: Instant  # raised_at or taken_at
    accepted_at: Instant


class Handled(NamedTuple):
    """A result, report or action that an incident handled."""

    kind: Literal["CALL_RESULT", "DISPATCH_REPORT", "OPERATOR_ACTION"]
    id: str


class Callee(NamedTuple):
    """A contact of the current round, unchanged since the round began."""

    contact_id: str
    name: str | None
    phone: str | None
    language: str | None


DispatchStatus: TypeAlias = Literal["REQUESTED", "ACCEPTED", "EN_ROUTE", "ON_SITE", "CLOSED"]
Cancelled: TypeAlias = Literal["NO", "BY_CALLBACK", "OTHERWISE"]


class Dispatch(NamedTuple):
    """A dispatch: one partner asked for a guard."""

    number: int  # from 1; the last of an incident is its current one
    partner_id: str
    reason: Rule  # the rule that began the asking
    attempt: int  # requests sent, from 1
    status: DispatchStatus  # how far the guard has come
    rejected: bool  # PARTNER_REJECTED ended it, and the partner has not come back since
    cancelled: Cancelled
    amends: int  # amends sent
    last_amend_at: Instant | None


class Stretch(NamedTuple):
    """The attention that a deadline repeats, and how often it was raised."""

    reason: AttentionReason
    raised: int


@dataclass(slots=True)
class Incident:
    """One run of the procedure. Every field is immutable, so a shallow copy is a copy."""

    incident_id: str
    phase: Phase
    deadline: Instant | None  # of the phase; None only once closed
    amend_due: Instant | None  # a pending amend: a second deadline beside the phase's
    procedure: Procedure
    version: int  # of the last decision
    covert: bool
    duress: bool  # a DURESS_CODE came
    confirmed: bool  # a CONFIRMED_AFTER_DISPATCH came
    alert_kinds: tuple[str, ...]  # distinct, in order of acceptance
    alert_count: int
    first_alert_at: Instant | None
    last_alert_at: Instant | None
    last_accepted_at: Instant | None
    round: int  # the current or the last one; 0 before the first
    position: int
    contacts: tuple[Callee, ...]  # of that round
    kinds_at_call: int  # how many of alert_kinds the outstanding call command named
    dispatches: tuple[Dispatch, ...]
    attentions: int  # raised so far
    last_attention_at: Instant | None
    stretch: Stretch | None
    handled: tuple[Handled, ...]

    def next_deadline(self) -> Instant | None:
        """Return the earlier of the phase's deadline and a pending amend's; None once closed."""
        if self.amend_due is None:
            return self.deadline
        return self.amend_due if self.deadline is None else min(self.deadline, self.amend_due)

    def copy(self) -> Incident:
        """Return a copy to write to; the original stays unchanged."""
        return Incident(*_values(self))


_values: Final[Callable[[Incident], tuple[Any, ...]]] = attrgetter(*(field.name for field in fields(Incident)))

DeadlineKind: TypeAlias = Literal[0, 1]
PHASE: Final[DeadlineKind] = 0
AMEND: Final[DeadlineKind] = 1


class Deadline(NamedTuple):
    """An instant at which the core must be called; sorts in the order of procedure.md §7."""

    at: Instant
    incident_id: str
    kind: DeadlineKind


class SiteState(NamedTuple):
    """Everything known of a site beside its record."""

    incidents: tuple[Incident, ...] = ()  # open ones, at most one a procedure, FIRE first
    remembered: tuple[Remembered, ...] = ()  # oldest first
    last_record: SiteRecord | None = None  # of a deleted site with open incidents

    def deadlines(self) -> list[Deadline]:
        """Return all armed deadlines, unsorted."""
        armed: list[Deadline] = []
        for incident in self.incidents:
            if incident.deadline is not None:
                armed.append(Deadline(incident.deadline, incident.incident_id, PHASE))
            if incident.amend_due is not None:
                armed.append(Deadline(incident.amend_due, incident.incident_id, AMEND))
        return armed

    def deadlines_since(self, before: SiteState) -> list[Deadline]:
        """Return the deadlines that ``before`` does not have, unsorted."""
        armed: list[Deadline] = []
        for incident in self.incidents:
            earlier: Incident | None = None
            for known in before.incidents:
                if known.incident_id == incident.incident_id:
                    earlier = known
            if incident.deadline is not None and (earlier is None or earlier.deadline != incident.deadline):
                armed.append(Deadline(incident.deadline, incident.incident_id, PHASE))
            if incident.amend_due is not None and (earlier is None or earlier.amend_due != incident.amend_due):
                armed.append(Deadline(incident.amend_due, incident.incident_id, AMEND))
        return armed


EMPTY: Final = SiteState()
