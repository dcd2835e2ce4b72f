"""The values that the receiver reads and writes, field by field as in the schemas (docs/contracts.md)."""

from __future__ import annotations

from typing import NamedTuple


class Signal(NamedTuple):
    """`Signal.avsc`: what a panel said, and what was made of it. Times are Unix milliseconds."""

    signal_id: str
    site_id: str | None
    account: str
    protocol: str
    sequence: str | None
    code: str | None
    qualifier: str | None
    partition: str | None
    zone: str | None
    user: str | None
    meaning: str
    kind: str | None
    alert_id: str | None
    outcome: str
    reason: str | None
    occurred_at: int | None
    raised_at: int | None
    received_at: int
    receiver: str
    authenticated: bool
    text: str | None
    raw: bytes

    @property
    def key(self) -> str:
        """The key of its record: the site, or the account where no site is known."""
        return self.site_id if self.site_id is not None else f"account:{self.account}"


class Alert(NamedTuple):
    """`Alert.avsc`."""

    alert_id: str
    site_id: str
    kind: str
    raised_at: int
    zone: str | None
    detail: str | None
    source: str | None
