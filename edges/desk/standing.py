"""What stands at a desk beside incidents: who saw what, alarms of unknown accounts, inbound calls."""

from __future__ import annotations

from typing import NamedTuple


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
