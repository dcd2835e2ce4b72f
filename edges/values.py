"""The values of the edges' own topics, field by field as in the schemas (docs/contracts.md). Times: Unix milliseconds.

`edges.receiver.values.Signal` is the fourth.
"""

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
