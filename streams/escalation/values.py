"""The values that enter and leave the core, field by field as in contracts.md.

Named tuples, with the fields in the order of their schema: immutable, cheap to make, and unpacked by the codec without
a name. Every instant is an ``int``: milliseconds since 1970, UTC.
"""

from typing import NamedTuple, Protocol, TypeAlias

from streams.escalation.attention_reasons import AttentionReason
from streams.escalation.names import (
    AlertKind,
    CallVerb,
    Direction,
    DispatchVerb,
    InputKind,
    OperatorVerb,
    Outcome,
    OutputTopic,
    Phase,
    ProcedureName,
    QuarantineReason,
    ReportStatus,
    Role,
    Rule,
    Situation,
)

Instant: TypeAlias = int


# --- inputs ---------------------------------------------------------------------------------------


class Contact(NamedTuple):
    """A person to call."""

    contact_id: str
    role: Role
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    password_hash: str | None = None
    duress_hash: str | None = None
    language: str | None = None


class Address(NamedTuple):
    """The address that a guard goes to; ``country`` is ISO 3166-1 alpha-2."""

    line1: str
    line2: str | None
    postal_code: str
    city: str
    country: str


class Intervention(NamedTuple):
    """Whether a guard may be sent, and which partners to ask, in order."""

    enabled: bool = True
    partners: tuple[str, ...] = ()


class Site(NamedTuple):
    """A protected home, with its customer's configuration."""

    site_id: str
    subscribed: bool
    contacts: tuple[Contact, ...]
    address: Address | None
    instructions: str | None
    intervention: Intervention
    test_until: Instant | None
    updated_at: Instant


class SiteRecord(NamedTuple):
    """A site's record in force and its offset on the ``sites`` topic."""

    offset: int
    site: Site


class SiteInForce(Protocol):
    """The site's record, as a step needs it: a `SiteRecord`, or an object that decodes one on access."""

    @property
    def offset(self) -> int:
        """Its offset on the ``sites`` topic."""
        ...

    @property
    def site(self) -> Site:
        """The site."""
        ...


class Alert(NamedTuple):
    """One signal of a site."""

    alert_id: str
    site_id: str
    kind: AlertKind
    raised_at: Instant
    zone: str | None = None
    detail: str | None = None
    source: str | None = None


class CallResult(NamedTuple):
    """The result of a call, outbound or inbound."""

    result_id: str
    site_id: str
    incident_id: str | None
    command_id: str | None
    contact_id: str | None
    direction: Direction
    outcome: Outcome
    situation: Situation
    message_left: bool
    detail: str | None
    operator: str | None
    ended_at: Instant


class DispatchReport(NamedTuple):
    """A partner's report on a dispatch."""

    report_id: str
    site_id: str
    incident_id: str
    dispatch_id: str
    partner_id: str
    status: ReportStatus
    disposition: str | None
    reason: str | None
    reported_at: Instant


class OperatorAction(NamedTuple):
    """An operator's decision."""

    action_id: str
    site_id: str
    incident_id: str | None
    action: OperatorVerb
    reason: str
    operator: str
    taken_at: Instant


Event: TypeAlias = Alert | CallResult | DispatchReport | OperatorAction


class Source(NamedTuple):
    """The place of an input: topic without prefix, partition, offset."""

    topic: str
    partition: int
    offset: int


# --- outputs --------------------------------------------------------------------------------------


class CallCommand(NamedTuple):
    """Call this contact, continue the call, or cancel it."""

    command_id: str
    action: CallVerb
    target_command_id: str | None
    incident_id: str
    site_id: str
    procedure: ProcedureName
    round: int
    position: int
    contact_id: str
    contact_name: str | None
    phone: str | None
    language: str | None
    alert_kinds: tuple[str, ...]
    leave_message: bool
    issued_at: Instant
    expires_at: Instant


class DispatchCommand(NamedTuple):
    """Ask a partner for a guard, amend the request, or cancel it."""

    command_id: str
    dispatch_id: str
    action: DispatchVerb
    attempt: int
    incident_id: str
    site_id: str
    partner_id: str
    procedure: ProcedureName
    reason: Rule
    covert: bool
    alert_kinds: tuple[str, ...]
    alert_count: int
    first_alert_at: Instant | None
    last_alert_at: Instant | None
    address: Address | None
    instructions: str | None
    issued_at: Instant
    respond_by: Instant | None
    cause: Rule


class Attention(NamedTuple):
    """A call for an operator."""

    attention_id: str
    incident_id: str | None
    site_id: str
    procedure: ProcedureName | None
    reason: AttentionReason
    repeat: int
    cause: Rule
    covert: bool
    alert_kinds: tuple[str, ...]
    alert_count: int
    last_alert_at: Instant | None
    raised_at: Instant


class InputRef(NamedTuple):
    """The input of a decision; the last three are null for a deadline only."""

    kind: InputKind
    id: str
    topic: str | None
    partition: int | None
    offset: int | None

    @property
    def source(self) -> Source:
        """The place of the input in its topic; a deadline has none."""
        _, _, topic, partition, offset = self
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return Source(topic, partition, offset)


class Decision(NamedTuple):
    """The record of one decision: its input, its rule, what changed, and the records it caused."""

    decision_id: str
    incident_id: str | None
    procedure_version: str | None
    site_id: str
    version: int
    at: Instant
    input: InputRef
    site_offset: int | None
    rule: Rule
    phase_from: Phase | None
    phase_to: Phase | None
    round: int | None
    position: int | None
    deadline: Instant | None
    disposition: str | None
    outputs: tuple[str, ...]


class Readiness(NamedTuple):
    """Whether a site's alerts open incidents, and what its customer must still configure."""

    site_id: str
    subscribed: bool
    ready: bool
    needs_attention: bool
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    at: Instant


class Quarantined(NamedTuple):
    """An alert that opened no incident, and why."""

    site_id: str
    alert_id: str
    reason: QuarantineReason
    missing: tuple[str, ...]
    at: Instant
    alert: Alert
    input: Source
    site_offset: int | None


OutputValue: TypeAlias = CallCommand | DispatchCommand | Attention | Decision | Readiness | Quarantined


class Output(NamedTuple):
    """One record to write; its key is the site's id, its Kafka timestamp the value's ``at``.

    ``value`` is None for the tombstone of a readiness record.
    """

    topic: OutputTopic
    value: OutputValue | None
