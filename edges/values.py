"""The values that the edges write, field by field as in the schemas (docs/contracts.md). Times: Unix milliseconds."""

from __future__ import annotations

from typing import NamedTuple


class Override(NamedTuple):
    """Another reading of one code of a transmitter."""

    code: str
    zone: str | None
    kind: str
    until: int | None
    by: str
    why: str


class Transmitter(NamedTuple):
    """`Transmitter.avsc`."""

    account: str
    site_id: str
    protocol: str
    key_wrapped: bytes | None
    require_encryption: bool | None
    bad_crc: str
    overrides: tuple[Override, ...]
    updated_at: int


class Claim(NamedTuple):
    """`Claim.avsc`."""

    claim_id: str
    site_id: str
    incident_id: str | None
    subject: str
    by: str
    who: str
    action: str
    seconds: int


class DeskEvent(NamedTuple):
    """`DeskEvent.avsc`."""

    event_id: str
    site_id: str
    incident_id: str | None
    operator: str
    action: str
    subject: str | None
    detail: str | None
    at: int


class Signal(NamedTuple):
    """`Signal.avsc`: what a panel said, and what was made of it."""

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

    @property
    def frame_id(self) -> str:
        """Account, number and body, with which its id begins: copies of one frame share them."""
        account, sequence, digest, _ = self.signal_id.split("-", 3)
        return f"{account}-{sequence}-{digest}"


class Alert(NamedTuple):
    """`Alert.avsc`."""

    alert_id: str
    site_id: str
    kind: str
    raised_at: int
    zone: str | None
    detail: str | None
    source: str | None
