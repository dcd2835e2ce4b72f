"""What stands at a desk beside incidents: who saw what, alarms of unknown accounts, inbound calls."""

from __future__ import annotations

from typing import NamedTuple

from edges.values import Signal


class Sighting(NamedTuple):
    """Who has looked at an attention, and when; ``event_id``: by which record."""

    by: str
    at: int
    event_id: str


class Stranger(NamedTuple):
    """Alarms of an account that no site is known of, since somebody last looked."""

    signal_id: str
    account: str
    kinds: tuple[str, ...]
    alarms: int
    since: int
    last: int
    partition: int


class Callback(NamedTuple):
    """An inbound call that an operator has taken."""

    callback_id: str
    site_id: str
    incident_id: str | None
    contact_id: str | None
    operator: str
    at: int


def with_alarm(known: Stranger | None, signal: Signal, partition: int) -> Stranger:
    """The alarms of an unknown account with one more of them."""
    kind = signal.kind
    assert kind is not None
    if known is None:
        at = signal.received_at
        return Stranger(signal.signal_id, signal.account, (kind,), 1, at, at, partition)
    kinds = known.kinds if kind in known.kinds else (*known.kinds, kind)
    return known._replace(kinds=kinds, alarms=known.alarms + 1, last=max(known.last, signal.received_at))
