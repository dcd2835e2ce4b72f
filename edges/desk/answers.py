"""What the API answers with: JSON by the names of the contracts, times RFC 3339."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

import orjson
from pydantic import BaseModel

from edges.desk.claims import Hold
from edges.desk.incident import Incident
from edges.desk.work import Item
from edges.web.values import Instant, write_instant

Outcome: TypeAlias = Literal["IDENTIFIED", "NOT_IDENTIFIED", "WRONG_CODE", "DURESS_CODE", "NO_ANSWER"]
StepKind: TypeAlias = Literal["DECISION", "CALL", "RESULT", "DISPATCH", "REPORT", "ATTENTION", "ACTION", "EVENT"]
_KEPT_ITEMS: Final = 20_000
Situation: TypeAlias = Literal["NORMAL", "ABNORMAL", "UNKNOWN"]


class Holder(BaseModel):
    """Who holds a call or an attention; the hold ends at ``until`` unless it is renewed."""

    by: str
    since: Instant
    until: Instant

    @classmethod
    def of(cls, hold: Hold) -> Holder:
        """As JSON has it."""
        return cls(by=hold.by, since=hold.since, until=hold.until)


class SeenBy(BaseModel):
    """Who has seen an attention."""

    by: str
    at: Instant


class WorkItem(BaseModel):
    """A command outstanding, or an attention not seen."""

    subject: str
    item: Literal["CALL", "CONFIRM", "ATTENTION"]
    incident_id: str | None = None
    site_id: str
    urgency: int
    reason: str | None = None
    repeat: int | None = None
    contact_name: str | None = None
    phone: str | None = None
    language: str | None = None
    round: int | None = None
    position: int | None = None
    of: int | None = None
    alert_kinds: list[str]
    covert: bool
    since: Instant
    expires_at: Instant | None = None
    version: int | None = None
    holder: Holder | None = None
    seen: SeenBy | None = None

    @classmethod
    def of_item(cls, item: Item) -> WorkItem:
        """As JSON has it."""
        values = item._asdict() | {
            "holder": None if item.holder is None else Holder.of(item.holder),
            "seen": None if item.seen is None else SeenBy(by=item.seen.by, at=item.seen.at),
        }
        return cls.model_validate(values)


@lru_cache(_KEPT_ITEMS)
def item_json(item: Item) -> bytes:
    """An item as JSON: written once for all who read the list, and for all event streams."""
    return WorkItem.of_item(item).model_dump_json().encode()


def event_data(change: Item | Incident | str) -> Any:
    """What the event stream says of a change; a string is the subject of what is gone."""
    if isinstance(change, Item):
        return orjson.Fragment(item_json(change))
    if isinstance(change, str):
        return {"subject": change}
    return {
        "incident_id": change.id,
        "site_id": change.site_id,
        "phase": change.phase,
        "version": change.version,
        "rule": change.rule,
        "deadline": None if change.deadline is None else write_instant(change.deadline),
        "set_aside_at": None if change.set_aside_at is None else write_instant(change.set_aside_at),
    }


class TakeAnswer(BaseModel):
    """The answer of `take`."""

    holder: Holder


class ReleaseAnswer(BaseModel):
    """The answer of `release`: nobody holds it any more, unless somebody else has just taken it."""

    holder: Holder | None


class Judgement(BaseModel):
    """What is said of a word."""

    right: bool
    duress: bool
    tries_left: int


class ResultTaken(BaseModel):
    """A result is in Kafka; ``late``: the engine takes it for a callback."""

    result_id: str
    late: bool


class ActionTaken(BaseModel):
    """An operator's action is in Kafka."""

    action_id: str


class CallbackTaken(BaseModel):
    """An inbound call is the caller's."""

    callback_id: str


class NoteKept(BaseModel):
    """A note is in Kafka."""

    event_id: str


class SeenAnswer(BaseModel):
    """An attention was seen."""

    seen: SeenBy


class ContactView(BaseModel):
    """A contact, without hashes."""

    contact_id: str
    role: str
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    language: str | None = None
    has_password: bool
    has_duress_password: bool


class SiteView(BaseModel):
    """A site, as the desk shows it."""

    site_id: str
    subscribed: bool
    address: dict[str, Any] | None = None
    instructions: str | None = None
    intervention: dict[str, Any]
    test_until: Instant | None = None
    contacts: list[ContactView]


class Step(BaseModel):
    """A step of an incident: what came or went, and when; the rest by its kind. ``words`` say a rule or a reason."""

    at: Instant
    kind: StepKind
    text: str | None = None
    words: str | None = None
    record: dict[str, Any]


class IncidentView(BaseModel):
    """All there is of an incident; it is partial where Kafka does not give some of its alerts or signals now."""

    incident_id: str
    site_id: str
    procedure: str | None = None
    procedure_version: str | None = None
    phase: str | None = None
    version: int
    rule: str | None = None
    round: int | None = None
    position: int | None = None
    opened_at: Instant | None = None
    closed_at: Instant | None = None
    set_aside_at: Instant | None = None
    deadline: Instant | None = None
    alert_kinds: list[str]
    covert: bool
    duress: bool
    needs_supervisor: bool
    site: SiteView | None = None
    alerts: list[dict[str, Any]]
    signals: list[dict[str, Any]]
    is_partial: bool = False
    calls: list[dict[str, Any]]
    dispatches: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    holders: dict[str, Holder]
    timeline: list[Step]


class PastIncident(BaseModel):
    """An incident of a site, as the ledger sums it up."""

    incident_id: str
    procedure: str | None = None
    phase: str | None = None
    outcome: str | None = None
    disposition: str | None = None
    alerts: int
    calls: int
    dispatches: int
    opened_at: Instant
    closed_at: Instant | None = None
    set_aside_at: Instant | None = None


class SiteHistory(BaseModel):
    """A site's incidents; ``source`` says where they come from, or why there are none."""

    source: Literal["LEDGER", "NOT_SET", "AWAY"]
    incidents: list[PastIncident]


class SiteFinding(BaseModel):
    """A site that a search found."""

    site_id: str
    names: list[str]
    city: str | None = None
    open_incidents: list[str]


class IncidentFinding(BaseModel):
    """An incident that a search found."""

    incident_id: str
    site_id: str
    phase: str | None = None
    procedure: str | None = None
    opened_at: Instant | None = None
    alert_kinds: list[str]
    is_open: bool
    set_aside_at: Instant | None = None


class SearchResult(BaseModel):
    """What a search found, what is open first."""

    incidents: list[IncidentFinding]
    sites: list[SiteFinding]
