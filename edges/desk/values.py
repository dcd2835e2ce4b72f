"""The engine's values as a desk reads and writes them, field by field as in the schemas. Times: Unix milliseconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edges.values import Alert, Claim, DeskEvent, Signal
from schemas.avro.errors import Undecodable
from service.headers import headers_of

if TYPE_CHECKING:
    from confluent_kafka import Message

_ORIGIN: Final = ("dlq.topic", "dlq.partition", "dlq.offset")
_NOTES: Final = ("dlq.replayed", "dlq.discarded")  # a dead letter has neither
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def is_empty(text: str | None) -> bool:
    """Whether a text says nothing: absent, or only white space."""
    return not text or text.isspace()


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
        has_names = self.role != "EXTERNAL" or not (is_empty(self.first_name) or is_empty(self.last_name))
        return _PHONE.fullmatch(self.phone or "") is not None and not is_empty(self.password_hash) and has_names


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


def origin(message: Message) -> InputRef | None:
    """Where a dead letter lay, by its headers; None: a note of what became of one. Raises `Undecodable`."""
    headers = dict(headers_of(message))
    if "dlq.topic" not in headers and any(name in headers for name in _NOTES):
        return None
    try:
        topic, partition, offset = (bytes(headers[name] or b"").decode() for name in _ORIGIN)  # type: ignore[arg-type]
        return InputRef("", "", topic, int(partition), int(offset))
    except (KeyError, ValueError) as error:
        raise Undecodable("a dead letter without its origin") from error


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


CONSTRUCTORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            Contact, Address, Intervention, Site, Alert, Signal,
            CallResult, DispatchReport, OperatorAction,
            CallCommand, DispatchCommand, Attention, InputRef, Decision,
            Claim, DeskEvent,
        )
    }
)  # fmt: skip
