"""The engine's values as the edges read and write them, field by field as in the schemas (docs/contracts.md).

`tests/edges/test_values.py` compares them with the schemas. Times: Unix milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


class Contact(NamedTuple):
    """A person to call."""

    contact_id: str
    role: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    password_hash: str | None
    duress_hash: str | None
    language: str | None

    @property
    def name(self) -> str | None:
        """First and last name, as far as known."""
        return " ".join(name for name in (self.first_name, self.last_name) if name and not name.isspace()) or None

    @property
    def is_called(self) -> bool:
        """Whether rounds call it: a phone, a word, and of somebody from outside both names (procedure.md §3)."""
        has_names = self.role != "EXTERNAL" or not (_is_empty(self.first_name) or _is_empty(self.last_name))
        return _PHONE.fullmatch(self.phone or "") is not None and not _is_empty(self.password_hash) and has_names


class Address(NamedTuple):
    """A postal address."""

    line1: str
    line2: str | None
    postal_code: str
    city: str
    country: str


class Intervention(NamedTuple):
    """Whether a guard may be sent."""

    enabled: bool
    partners: tuple[str, ...]


class Site(NamedTuple):
    """`Site.avsc`."""

    site_id: str
    subscribed: bool
    contacts: tuple[Contact, ...]
    address: Address | None
    instructions: str | None
    intervention: Intervention
    test_until: int | None
    updated_at: int

    @property
    def callees(self) -> int:
        """How many of its contacts a round calls."""
        return sum(contact.is_called for contact in self.contacts)


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


class CallResult(NamedTuple):
    """`CallResult.avsc`."""

    result_id: str
    site_id: str
    incident_id: str | None
    command_id: str | None
    contact_id: str | None
    direction: str
    outcome: str
    situation: str
    message_left: bool
    detail: str | None
    operator: str | None
    ended_at: int

    @property
    def is_for_help(self) -> bool:
        """Whether it is a call for help (procedure.md §5)."""
        return self.outcome == "DURESS_CODE" or (self.situation == "ABNORMAL" and self.outcome != "NO_ANSWER")


class DispatchReport(NamedTuple):
    """`DispatchReport.avsc`."""

    report_id: str
    site_id: str
    incident_id: str
    dispatch_id: str
    partner_id: str
    status: str
    disposition: str | None
    reason: str | None
    reported_at: int


class OperatorAction(NamedTuple):
    """`OperatorAction.avsc`."""

    action_id: str
    site_id: str
    incident_id: str | None
    action: str
    reason: str
    operator: str
    taken_at: int


class CallCommand(NamedTuple):
    """`CallCommand.avsc`."""

    command_id: str
    action: str
    target_command_id: str | None
    incident_id: str
    site_id: str
    procedure: str
    round: int
    position: int
    contact_id: str
    contact_name: str | None
    phone: str | None
    language: str | None
    alert_kinds: tuple[str, ...]
    leave_message: bool
    issued_at: int
    expires_at: int


class DispatchCommand(NamedTuple):
    """`DispatchCommand.avsc`."""

    command_id: str
    dispatch_id: str
    action: str
    attempt: int
    incident_id: str
    site_id: str
    partner_id: str
    procedure: str
    reason: str
    covert: bool
    alert_kinds: tuple[str, ...]
    alert_count: int
    first_alert_at: int | None
    last_alert_at: int | None
    address: Address | None
    instructions: str | None
    issued_at: int
    respond_by: int | None
    cause: str


class Attention(NamedTuple):
    """`Attention.avsc`."""

    attention_id: str
    incident_id: str | None
    site_id: str
    procedure: str | None
    reason: str
    repeat: int
    cause: str
    covert: bool
    alert_kinds: tuple[str, ...]
    alert_count: int
    last_alert_at: int | None
    raised_at: int


class InputRef(NamedTuple):
    """The input of a decision; the last three are null for a deadline only."""

    kind: str
    id: str
    topic: str | None
    partition: int | None
    offset: int | None


class Decision(NamedTuple):
    """`Decision.avsc`."""

    decision_id: str
    incident_id: str | None
    procedure_version: str | None
    site_id: str
    version: int
    at: int
    input: InputRef
    site_offset: int | None
    rule: str
    phase_from: str | None
    phase_to: str | None
    round: int | None
    position: int | None
    deadline: int | None
    disposition: str | None
    outputs: tuple[str, ...]


class Readiness(NamedTuple):
    """`Readiness.avsc`."""

    site_id: str
    subscribed: bool
    ready: bool
    needs_attention: bool
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    at: int


class Source(NamedTuple):
    """The place of an input."""

    topic: str
    partition: int
    offset: int


class Quarantined(NamedTuple):
    """`Quarantined.avsc`."""

    site_id: str
    alert_id: str
    reason: str
    missing: tuple[str, ...]
    at: int
    alert: Alert
    input: Source
    site_offset: int | None


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


CONSTRUCTORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            Contact, Address, Intervention, Site, Override, Transmitter,
            Alert, Signal, CallResult, DispatchReport, OperatorAction,
            CallCommand, DispatchCommand, Attention, InputRef, Decision, Readiness, Source, Quarantined,
            Claim, DeskEvent,
        )
    }
)  # fmt: skip


def _is_empty(text: str | None) -> bool:
    return not text or text.isspace()
