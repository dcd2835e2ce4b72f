"""Ids, derived from what they name (procedure.md §7): no random number, no counter outside the state."""

from hashlib import blake2b

from streams.escalation.names import ProcedureName
from streams.escalation.values import Instant, Source


def incident_id(
    site_id: str, procedure: ProcedureName, opener_id: str, opener_at: Instant, now: Instant, kind: str | None = None
) -> str:
    """Return 24 hex digits of the site, the procedure, the alert or operator's action that opened it, and when.

    ``kind`` is the opener's; needed only where an earlier opener is the same in all else.
    """
    parts = f"{site_id}\0{procedure}\0{opener_id}\0{opener_at}\0{now}"
    if kind is not None:
        parts += f"\0{kind}"
    return blake2b(parts.encode(), digest_size=12).hexdigest()


def call_id(incident: str, round_: int, position: int) -> str:
    """Return the id of the command that calls the contact at ``position`` (from 1) of a round (from 1)."""
    return f"{incident}-c{round_}.{position}"


def confirm_id(call: str) -> str:
    """Return the id of the command that asks for the code again, within ``call``."""
    return f"{call}-confirm"


def cancel_id(target: str) -> str:
    """Return the id of the command that withdraws a command or a dispatch; each is withdrawn at most once."""
    return f"{target}-cancel"


def dispatch_id(incident: str, number: int) -> str:
    """Return the id of the incident's n-th dispatch, from 1."""
    return f"{incident}-d{number}"


def request_id(dispatch: str, attempt: int) -> str:
    """Return the id of a dispatch's n-th request, from 1."""
    return f"{dispatch}-r{attempt}"


def amend_id(dispatch: str, number: int) -> str:
    """Return the id of a dispatch's n-th amend, from 1."""
    return f"{dispatch}-a{number}"


def attention_id(owner: str, number: int) -> str:
    """Return the id of the n-th attention, from 1, of an incident or of a record that has none."""
    return f"{owner}-t{number}"


def decision_id(incident: str, version: int) -> str:
    """Return the id of an incident's n-th decision, from 1."""
    return f"{incident}-v{version}"


def source_id(source: Source) -> str:
    """Return the id of a decision on an input that concerned no incident."""
    return f"{source.topic}-{source.partition}-{source.offset}"
