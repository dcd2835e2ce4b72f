"""All there is of an incident, of a site, and of what somebody looks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Set
from typing import Any, Final, NamedTuple

from edges.desk.answers import (
    ContactView,
    Holder,
    IncidentFinding,
    IncidentView,
    SearchResult,
    SiteFinding,
    SiteView,
    Step,
    StepKind,
)
from edges.desk.deadline import answered_within, left
from edges.desk.incident import Incident
from edges.desk.merged import MergedKinds
from edges.desk.records import Records
from edges.desk.script import FIRST, attention_in_words, rule_in_words
from edges.desk.signal_index import BEFORE_MS
from edges.desk.site_index import SiteIndex, is_of
from edges.desk.state import DeskState
from edges.kafka.errors import KafkaAwayError
from edges.values import Alert, Contact, Decision, Site
from edges.web.values import write_instant

MOST_SIGNALS: Final = 100  # of an incident, the first and the last
MOST_ALERTS: Final = 25
READ_SECONDS: Final = 1.5  # of the time of an answer, for alerts and signals
MOST_SITES: Final = 20
_INSTANTS: Final = frozenset(
    {
        "at", "issued_at", "expires_at", "respond_by", "raised_at", "reported_at", "taken_at", "ended_at", "deadline",
        "first_alert_at", "last_alert_at", "occurred_at", "received_at", "updated_at", "test_until",
    }
)  # fmt: skip
_KINDS: Final[dict[str, tuple[StepKind, str, str]]] = {
    "decisions": ("DECISION", "at", "rule"),
    "call-results": ("RESULT", "ended_at", "outcome"),
    "dispatches": ("DISPATCH", "issued_at", "action"),
    "dispatch-reports": ("REPORT", "reported_at", "status"),
    "attention": ("ATTENTION", "raised_at", "reason"),
    "operator-actions": ("ACTION", "taken_at", "action"),
    "desk-log": ("EVENT", "at", "action"),
}
_COMMANDS: Final = frozenset({"CALL", "DISPATCH", "ATTENTION"})


class _Found(NamedTuple):
    """What there is at a place of Kafka, as `Records.at` returns it; None, too, where Kafka did not give it."""

    value: Any
    is_given: bool


class Dossier:
    """Puts together what the state has and what it fetches."""

    def __init__(
        self,
        state: DeskState,
        records: Records,
        merged: MergedKinds,
        sites: SiteIndex,
        decoders: dict[str, Callable[[bytes], Any]],
        unread: Callable[[], Set[int]],
    ) -> None:
        """``unread``: the partitions whose homes cannot be known."""
        self._state = state
        self._records = records
        self._merged = merged
        self._sites = sites
        self._decoders = decoders
        self._unread = unread

    async def incident(self, incident: Incident, language: str = FIRST) -> IncidentView:
        """All there is of an incident, its rules in words.

        Alerts and signals that cannot be read soon are not waited for. Raises `KafkaAwayError` where that is so of the
        site.
        """
        site = await self._records.site_of(incident)
        for record in incident.kept:
            await self._records.learn(record.topic, record.value)
        version = None
        with answered_within(left(READ_SECONDS)):
            while version is None or (version != incident.version and left(READ_SECONDS)):  # what is read is kept
                version = incident.version
                (alerts, has_alerts), (signals, has_signals) = await asyncio.gather(
                    self._alerts(incident), self._signals(incident)
                )
        # From here on nothing waits: all is of one version.
        kept = [(record.topic, self._decoders[record.topic](record.value)) for record in incident.kept]
        calls = [
            json_of(call)
            | {
                "answers": [
                    json_of(value)
                    for topic, value in kept
                    if topic == "call-results" and value.command_id == command_id
                ],
                "withdrawn": command_id in incident.withdrawn,
                "tries": len(self._state.tries.get(command_id, ())),
            }
            for command_id, call in incident.calls.items()
        ]
        return IncidentView(
            incident_id=incident.id,
            site_id=incident.site_id,
            procedure=incident.procedure,
            procedure_version=incident.procedure_version,
            phase=incident.phase,
            version=incident.version,
            rule=incident.rule,
            round=incident.round,
            position=incident.position,
            opened_at=incident.opened_at,
            closed_at=incident.closed_at,
            set_aside_at=incident.set_aside_at,
            deadline=incident.deadline,
            alert_kinds=list(incident.kinds),
            covert=incident.covert,
            duress=incident.is_duress,
            needs_supervisor=incident.needs_supervisor,
            site=None if site is None else site_view(site),
            alerts=alerts,
            signals=signals,
            is_partial=not (has_alerts and has_signals and version == incident.version),
            calls=calls,
            dispatches=[json_of(value) for topic, value in kept if topic == "dispatches"],
            reports=[json_of(value) for topic, value in kept if topic == "dispatch-reports"],
            holders=self._holders(incident),
            timeline=sorted((*_steps(kept, language), *_call_steps(incident)), key=order),
        )

    def _holders(self, incident: Incident) -> dict[str, Holder]:
        """Who holds its calls and attentions; and inbound calls, which only claims connect with it."""
        log = self._state.claims[incident.partition]
        own = {*incident.calls, *incident.attentions}
        return {
            hold.subject: Holder.of(hold)
            for hold in log.holds(log.now(self._state.monotonic))
            if hold.subject in own or hold.incident_id == incident.id
        }

    async def _alerts(self, incident: Incident) -> tuple[list[dict[str, Any]], bool]:
        """The alerts that decisions were made on, in their order, and whether Kafka gave what was asked for.

        What it did not give, and those amid very many, have their id alone.
        """
        inputs = [decision.input for decision in self.decisions(incident)]
        places = [(one.id, one.partition, one.offset) for one in inputs if one.kind == "ALERT"]
        alerts, has_all = [], True
        for number, (alert_id, partition, offset) in enumerate(places):
            if partition is None or offset is None:
                continue
            shown = dict.fromkeys(Alert._fields) | {"alert_id": alert_id, "site_id": incident.site_id}
            if number < MOST_ALERTS or number >= len(places) - MOST_ALERTS:
                found = await self._at("alerts", partition, offset, incident.site_id)
                has_all = has_all and found.is_given
                shown = json_of(found.value) if isinstance(found.value, Alert) else shown
            alerts.append(shown)
        try:
            await self._merged.learn(incident)
        except KafkaAwayError:
            has_all = False
        return alerts, has_all

    async def _signals(self, incident: Incident) -> tuple[list[dict[str, Any]], bool]:
        """The site's signals from 5 minutes before the incident to its end, and whether Kafka gave all of them."""
        if incident.opened_at is None:
            return [], True
        end = incident.ended_at or 1 << 62
        offsets = self._state.signals[incident.partition].between(incident.site_id, incident.opened_at - BEFORE_MS, end)
        signals, has_all = [], True
        for offset in (*offsets[:MOST_SIGNALS], *offsets[MOST_SIGNALS:][-MOST_SIGNALS:]):
            found = await self._at("signals", incident.partition, offset, incident.site_id)
            has_all = has_all and found.is_given
            if found.value is not None:
                shown = json_of(found.value)
                del shown["raw"]
                signals.append(shown)
        return signals, has_all

    async def _at(self, topic: str, partition: int, offset: int, key: str) -> _Found:
        """What is at a place, of this key."""
        try:
            return _Found(await self._records.at(topic, partition, offset, key), is_given=True)
        except KafkaAwayError:
            return _Found(None, is_given=False)

    def decisions(self, incident: Incident) -> list[Decision]:
        """An incident's decisions, in their order."""
        decode = self._decoders["decisions"]
        return [decode(record.value) for record in incident.kept if record.topic == "decisions"]

    async def contact(self, site_id: str, contact_id: str | None, incident: Incident | None) -> Contact | None:
        """A contact of a site. Raises `KafkaAwayError`."""
        return None if contact_id is None else await self._records.contact(incident, site_id, contact_id)

    async def site(self, site_id: str) -> SiteView | None:
        """A site by its record in force. Raises `KafkaAwayError`."""
        site = await self._records.site(site_id)
        return None if site is None else site_view(site)

    async def knows(self, site_id: str) -> bool:
        """Whether there is such a site, by what is read; Kafka is not asked."""
        return await asyncio.to_thread(self._sites.place, site_id) is not None

    async def find(self, text: str) -> SearchResult:
        """Incidents by their id, their site's number, names or id; and the sites.

        A site whose record cannot be read now is found by what the index has, without names. Raises `KafkaAwayError`
        where that is so of all, and where nothing is found and partitions are unread.
        """
        at_work = {incident.site_id for incident in self._state.open_incidents()}
        places = await asyncio.to_thread(self._sites.find, text, first=at_work)
        records = await asyncio.gather(
            *(self._at("sites", place.partition, place.offset, place.site_id) for place in places)
        )
        if records and not any(record.is_given for record in records):
            raise KafkaAwayError
        sites: list[tuple[str, Site | None]] = [
            (place.site_id, record.value)
            for place, record in zip(places, records, strict=True)
            if not record.is_given or (record.value is not None and is_of(record.value, text))
        ][:MOST_SITES]
        ids = {incident_id for site_id, _ in sites for incident_id in self._state.of_site.get(site_id, ())}
        ids.update(self._state.of_site.get(text.strip(), ()))  # of a site that was deleted amid its incident, too
        if text.strip() in self._state.incidents:
            ids.add(text.strip())
        incidents = [self._state.incidents[incident_id] for incident_id in ids]
        incidents = [incident for incident in incidents if incident.phase is not None]
        if not (incidents or sites) and self._unread():
            raise KafkaAwayError
        incidents.sort(key=lambda incident: (not incident.is_open, -(incident.opened_at or incident.at)))
        found = [self._found(site_id, site) for site_id, site in sites]
        found.sort(key=lambda site: not site.open_incidents)
        return SearchResult(incidents=[_found_incident(incident) for incident in incidents], sites=found)

    def _found(self, site_id: str, site: Site | None) -> SiteFinding:
        return SiteFinding(
            site_id=site_id,
            names=[] if site is None else [contact.name for contact in site.contacts if contact.name],
            city=None if site is None or site.address is None else site.address.city,
            open_incidents=[incident.id for incident in self._state.open_incidents(site_id)],
        )


def _found_incident(incident: Incident) -> IncidentFinding:
    return IncidentFinding(
        incident_id=incident.id,
        site_id=incident.site_id,
        phase=incident.phase,
        procedure=incident.procedure,
        opened_at=incident.opened_at,
        alert_kinds=list(incident.kinds),
        is_open=incident.is_open,
        set_aside_at=incident.set_aside_at,
    )


def site_view(site: Site) -> SiteView:
    """A site without hashes."""
    return SiteView(
        site_id=site.site_id,
        subscribed=site.subscribed,
        address=None if site.address is None else site.address._asdict(),
        instructions=site.instructions,
        intervention=site.intervention._asdict(),
        test_until=site.test_until,
        contacts=[
            ContactView(
                contact_id=contact.contact_id,
                role=contact.role,
                first_name=contact.first_name,
                last_name=contact.last_name,
                phone=contact.phone,
                language=contact.language,
                has_password=bool(contact.password_hash),
                has_duress_password=bool(contact.duress_hash),
            )
            for contact in site.contacts
        ],
    )


def _steps(kept: Iterable[tuple[str, Any]], language: str) -> Iterable[Step]:
    for topic, value in kept:
        kind, at, text = _KINDS[topic]
        words = None
        if kind == "DECISION":
            words = rule_in_words(value.rule, language)
        elif kind == "ATTENTION":
            words = attention_in_words(value.reason, language)
        yield Step(at=getattr(value, at), kind=kind, text=getattr(value, text), words=words, record=json_of(value))


def order(step: Step) -> tuple[int, int]:
    """Of one millisecond: what came in, what was decided on it, what that commands."""
    return step.at, 1 if step.kind == "DECISION" else 2 if step.kind in _COMMANDS else 0


def _call_steps(incident: Incident) -> Iterable[Step]:
    for call in incident.calls.values():
        yield Step(at=call.issued_at, kind="CALL", text=call.action, record=json_of(call))


def json_of(value: Any) -> dict[str, Any]:
    """A record as JSON: the contract's names, times RFC 3339."""
    shown: dict[str, Any] = {}
    for name, item in value._asdict().items():
        if name in _INSTANTS and item is not None:
            shown[name] = write_instant(item)
        elif hasattr(item, "_asdict"):
            shown[name] = json_of(item)
        else:
            shown[name] = list(item) if isinstance(item, tuple) else item
    return shown
