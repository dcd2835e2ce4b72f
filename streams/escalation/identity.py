"""Names that follow from what they name (procedure.md §7): no random number, no counter outside of the state."""

from hashlib import blake2b

from streams.escalation.names import ProcedureName
from streams.escalation.values import Instant, Source


def incident_id(
    site_id: str, procedure: ProcedureName, opener_id: str, opener_at: Instant, now: Instant, kind: str | None = None
) -> str:
    """24 hex digits from the site, the procedure, what opened it (an alert, or an operator's action) and when.

    ``kind`` is that of the opener where all else is an earlier one's too.
    """
    parts = f"{site_id}\0{procedure}\0{opener_id}\0{opener_at}\0{now}"
    if kind is not None:
        parts += f"\0{kind}"
    return blake2b(parts.encode(), digest_size=12).hexdigest()


def call_id(incident: str, round_: int, position: int) -> str:
    """The command that calls the contact at ``position`` (from 1) of a round (from 1)."""
    return f"{incident}-c{round_}.{position}"


def confirm_id(call: str) -> str:
    """The command that asks for the code again, going on from ``call``."""
    return f"{call}-confirm"


def cancel_id(target: str) -> str:
    """The command that withdraws a command or a dispatch; there is one at the most of each."""
    return f"{target}-cancel"


def dispatch_id(incident: str, number: int) -> str:
    """The incident's n-th dispatch, from 1."""
    return f"{incident}-d{number}"


def request_id(dispatch: str, attempt: int) -> str:
    """A dispatch's n-th request, from 1."""
    return f"{dispatch}-r{attempt}"


def amend_id(dispatch: str, number: int) -> str:
    """A dispatch's n-th amend, from 1."""
    return f"{dispatch}-a{number}"


def attention_id(owner: str, number: int) -> str:
    """The n-th attention, from 1, of an incident or of an input that found none."""
    return f"{owner}-t{number}"


def decision_id(incident: str, version: int) -> str:
    """An incident's n-th decision, from 1."""
    return f"{incident}-v{version}"


def source_id(source: Source) -> str:
    """The name of what an input did without an incident."""
    return f"{source.topic}-{source.partition}-{source.offset}"
