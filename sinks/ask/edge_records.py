"""What the edges recorded of an incident: its site's signals, who took what after how long, what happened at desks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from schemas.contract.holds import Holds
from sinks.ask.incidents import Incident
from sinks.ask.reading import rows, select
from sinks.database.postgres import Connection

BEFORE_MS: Final = 5 * 60 * 1000
"""Signals are shown from so long before the opening."""


class Signal(NamedTuple):
    """An event that a panel, or a program, sent to a receiver."""

    id: str
    account: str
    protocol: str
    code: str | None
    qualifier: str | None
    partition: str | None
    zone: str | None
    meaning: str
    kind: str | None
    alert_id: str | None
    outcome: str
    reason: str | None
    occurred_at: int | None
    received_at: int
    receiver: str
    authenticated: bool
    user: str | None  # personal
    text: str | None  # personal

    @property
    def at(self) -> int:
        """When it came."""
        return self.received_at


class Take(NamedTuple):
    """A person or a robot came to hold a call or an attention, from nobody (TAKE) or from the holder (TAKE_OVER)."""

    id: str
    subject: str
    by: str
    who: str
    action: str
    taken_at: int  # by the broker's clock
    after_ms: int | None  # since the subject was issued; None where the ledger does not have it

    @property
    def at(self) -> int:
        """When it was taken."""
        return self.taken_at


class DeskEvent(NamedTuple):
    """An operator looked, tried a word, placed a call, noted something; or a partner was not reached."""

    id: str
    operator: str
    action: str
    subject: str | None
    at: int
    detail: str | None  # personal


class _Claim(NamedTuple):
    id: str
    subject: str
    by: str
    who: str
    action: str
    seconds: int
    received_at: int


class _SetAside(NamedTuple):
    id: str
    raised_at: int


def edge_records(
    connection: Connection, incident: Incident, issued: Mapping[str, int | None], *, personal: bool
) -> tuple[list[Signal], list[Take], list[DeskEvent]]:
    """The signals of its site from 5 minutes before its opening to its end, the takes, the desk events.

    Claims and desk events are those that name the incident, or the attention that its site was set aside, at any time,
    and those of its site that name no incident, while it is open. ``issued``: when each command and attention of the
    incident was issued. Raises `Away`, `NoLedgerError`.
    """
    aside = _set_aside(connection, incident)
    parameters = {
        "incident": incident.incident_id,
        "site": incident.site_id,
        "since": incident.opened_at - BEFORE_MS,
        "opened": incident.opened_at,
        "until": incident.ended_at,
        "aside": list(aside),
        "personal": personal,
    }
    return (
        rows(connection, select("timeline_signals", "signals", Signal), parameters, Signal),
        takes(rows(connection, select("timeline_desk", "claims", _Claim), parameters, _Claim), {**issued, **aside}),
        rows(connection, select("timeline_desk", "desk-log", DeskEvent), parameters, DeskEvent),
    )


def _set_aside(connection: Connection, incident: Incident) -> dict[str, int]:
    """The attention that its site was set aside, which names no incident, and when it was raised; empty without one."""
    if incident.set_aside_at is None:
        return {}
    parameters = {"site": incident.site_id, "at": incident.set_aside_at}
    statement = select("timeline_set_aside", "attention", _SetAside)
    return dict(rows(connection, statement, parameters, _SetAside))


def takes(claims: Iterable[_Claim], issued: Mapping[str, int | None]) -> list[Take]:
    """The claims that gave a subject a new holder.

    ``claims`` are those of one incident, in their order. The time of their partition is taken from them alone: with the
    claims of other sites it might be later where the broker's clock was set back.
    """
    holds, taken = Holds(), []
    for claim in claims:
        holds.advance(claim.received_at)
        before = holds.holder(claim.subject)
        hold = holds.apply(claim.subject, claim.by, claim.action, claim.seconds, claim.received_at)
        if hold is not None and (before is None or before.by != hold.by):
            start = issued.get(claim.subject)
            after = None if start is None else claim.received_at - start
            taken.append(Take(claim.id, claim.subject, claim.by, claim.who, claim.action, claim.received_at, after))
    return taken
