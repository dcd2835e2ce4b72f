"""What stands at a desk beside incidents: what was seen, unknown accounts, inbound calls, what was not delivered."""

from __future__ import annotations

from typing import NamedTuple

from edges.values import DeskEvent, Signal


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

    @classmethod
    def of(cls, event: DeskEvent, callback_id: str) -> Callback:
        """As it was begun."""
        return cls(callback_id, event.site_id, event.incident_id, event.detail, event.operator, event.at)


class Undelivered(NamedTuple):
    """A command that did not reach its partner; once its incident is forgotten, with what that was about."""

    subject: str
    site_id: str
    incident_id: str | None
    at: int
    covert: bool = False
    kinds: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: DeskEvent, command_id: str) -> Undelivered:
        """As the partners' process says it."""
        return cls(command_id, event.site_id, event.incident_id, event.at)

    def keeping(self, *, covert: bool, kinds: tuple[str, ...]) -> Undelivered:
        """With what its incident was about, beside what is kept already of an earlier look at it."""
        return self._replace(covert=covert or self.covert, kinds=kinds or self.kinds)


def with_alarm(known: Stranger | None, signal: Signal, partition: int) -> Stranger:
    """The alarms of an unknown account with one more of them."""
    kind = signal.kind
    assert kind is not None
    if known is None:
        at = signal.received_at
        return Stranger(signal.signal_id, signal.account, (kind,), 1, at, at, partition)
    kinds = known.kinds if kind in known.kinds else (*known.kinds, kind)
    return known._replace(kinds=kinds, alarms=known.alarms + 1, last=max(known.last, signal.received_at))
