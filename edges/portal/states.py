"""What the portal answers (docs/portal.md), field by field; no word, no hash."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from edges.portal.configuration import shown_contact
from edges.portal.core import Instant as Milliseconds
from edges.portal.engine import EngineVerdict
from edges.portal.rows import Stored
from edges.portal.store import Revision
from edges.values import Transmitter
from edges.web.values import Instant, write_instant


class EngineState(BaseModel):
    """What the engine last said of the site."""

    ready: bool
    missing: list[str]
    at: Instant


class ContactState(BaseModel):
    """A contact; ``person_id`` is null for somebody from outside."""

    contact_id: str
    kind: Literal["OWNER", "MEMBER", "EXTERNAL"]
    person_id: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    language: str | None
    has_password: bool


class AddressState(BaseModel):
    """Where the guard goes."""

    line1: str
    line2: str | None
    postal_code: str
    city: str
    country: str


class InterventionState(BaseModel):
    """Whether a guard may be sent, and who is asked."""

    enabled: bool
    partners: list[str]


class PersonState(BaseModel):
    """A user of the site."""

    person_id: str
    role: Literal["OWNER", "MEMBER"]
    first_name: str | None
    last_name: str | None
    login: str | None


class ServiceState(BaseModel):
    """The configuration of a site.

    ``published_at`` is null until this revision is passed on to Kafka; ``engine`` until the engine has said something.
    """

    site_id: str
    name: str
    revision: int
    subscribed: bool
    needs_attention: bool
    missing: list[str]
    warnings: list[str]
    published_at: Instant | None
    engine: EngineState | None
    first_contact: ContactState | None
    second_contact: ContactState | None
    address: AddressState | None
    instructions: str | None
    intervention: InterventionState
    test_until: Instant | None
    people: list[PersonState]


class RevisionState(BaseModel):
    """A line of the history."""

    revision: int
    at: Instant
    by: str
    what: str
    before: Any
    after: Any


class OverrideState(BaseModel):
    """Another reading of one code."""

    code: str
    zone: str | None
    kind: str
    until: Instant | None
    by: str
    why: str


class TransmitterState(BaseModel):
    """A transmitter; of its key only whether there is one."""

    account: str
    revision: int
    site_id: str
    protocol: str
    has_key: bool
    require_encryption: bool | None
    bad_crc: str
    overrides: list[OverrideState]
    updated_at: Instant


def service_state(site: Stored, engine: EngineVerdict | None, now: Milliseconds) -> ServiceState:
    """The configuration as people see it."""
    configuration = site.configuration
    readiness = configuration.readiness(now)
    until = configuration.test_until
    return ServiceState(
        site_id=configuration.site_id,
        name=configuration.name,
        revision=configuration.revision,
        subscribed=configuration.subscribed,
        needs_attention=readiness.needs_attention,
        missing=list(readiness.missing),
        warnings=list(readiness.warnings),
        published_at=site.published_at,
        engine=None if engine is None else EngineState(**engine._asdict()),
        first_contact=_contact(shown_contact(configuration.first)),
        second_contact=_contact(shown_contact(configuration.second)),
        address=None if configuration.address is None else AddressState(**configuration.address._asdict()),
        instructions=configuration.instructions,
        intervention=InterventionState(**configuration.intervention._asdict()),
        test_until=until if until is not None and until > now else None,
        people=[PersonState(**person._asdict()) for person in configuration.people],
    )


def goes_through(site: Stored, engine: EngineVerdict | None, now: Milliseconds) -> bool:
    """Whether *your alerts go through* may be said: the engine has judged this very revision, as the portal does.

    Never during a test: then alerts open nothing.
    """
    readiness = site.configuration.readiness(now)
    test_until = site.configuration.test_until
    return (
        engine is not None
        and site.published_at is not None
        and engine.at >= site.published_at
        and engine.ready
        and readiness.ready
        and engine.missing == readiness.missing
        and (test_until is None or test_until <= now)
    )


def _contact(contact: dict[str, Any] | None) -> ContactState | None:
    return None if contact is None else ContactState(**contact)


def revision_state(revision: Revision) -> RevisionState:
    """A line of the history."""
    values = {name: _written(getattr(revision, name)) for name in ("before", "after")}
    return RevisionState(**{**revision._asdict(), **values})


def _written(part: Any) -> Any:
    """A part of a configuration as an answer has it: its times are kept in milliseconds."""
    match part:
        case {"until": int(until)}:
            return {"until": write_instant(until)}
        case {"test": test}:
            return {**part, "test": _written(test)}
        case _:
            return part


def transmitter_state(value: Transmitter, revision: int) -> TransmitterState:
    """A transmitter as support sees it."""
    return TransmitterState(
        account=value.account,
        revision=revision,
        site_id=value.site_id,
        protocol=value.protocol,
        has_key=value.key_wrapped is not None,
        require_encryption=value.require_encryption,
        bad_crc=value.bad_crc,
        overrides=[OverrideState(**override._asdict()) for override in value.overrides],
        updated_at=value.updated_at,
    )
