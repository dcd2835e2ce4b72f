"""How incidents open, and which alerts are quarantined instead (procedure.md §1, §5)."""

from streams.escalation import identity, memory, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import ProcedureName, QuarantineReason
from streams.escalation.procedures import Procedure
from streams.escalation.readiness import missing
from streams.escalation.state import Incident, Remembered
from streams.escalation.tables import merges
from streams.escalation.values import Alert, Instant, OperatorAction, SiteInForce


def quarantine_reason(
    record: SiteInForce | None, procedure: ProcedureName | None, now: Instant
) -> tuple[QuarantineReason, tuple[str, ...]] | None:
    """Return why an alert must not open an incident, with the missing elements; None when it may."""
    if procedure is None:
        return "UNSUPPORTED_KIND", ()
    if record is None:
        return "UNKNOWN_SITE", ()
    site = record.site
    if not site.subscribed:
        return "NOT_SUBSCRIBED", ()
    elements = missing(site)
    if elements:
        return "NOT_READY", elements
    if site.test_until is not None and now < site.test_until:
        return "ON_TEST", ()
    return None


def open_for_alert(
    record: SiteInForce, alert: Alert, procedure: Procedure, now: Instant, remembered: tuple[Remembered, ...]
) -> IncidentUpdate:
    """Open an incident, and call the first contact of round 1."""
    incident = _incident(alert.site_id, procedure, memory.of_alert(alert, now), remembered)
    merges.accept(incident, alert, now)
    update = IncidentUpdate(alert.site_id, record, incident, None, now)
    update.rule = "OPENED"
    rounds.begin_round(update)
    return update


def open_for_operator(
    record: SiteInForce, action: OperatorAction, procedure: Procedure, now: Instant, remembered: tuple[Remembered, ...]
) -> IncidentUpdate:
    """Open an incident without alerts, for a covert dispatch: an operator saw what no sensor did."""
    incident = _incident(action.site_id, procedure, memory.of_action(action, now), remembered)
    incident.covert = True
    return IncidentUpdate(action.site_id, record, incident, None, now)


def _incident(site_id: str, procedure: Procedure, opener: Remembered, remembered: tuple[Remembered, ...]) -> Incident:
    # The kind is part of the id only where an incident may have had this id within the same millisecond.
    kind = opener.kind if memory.has_namesake(remembered, opener, procedure.name) else None
    return Incident(
        incident_id=identity.incident_id(site_id, procedure.name, opener.id, opener.instant, opener.accepted_at, kind),
        phase="CALLING",
        deadline=None,
        amend_due=None,
        procedure=procedure,
        version=0,
        covert=False,
        duress=False,
        confirmed=False,
        alert_kinds=(),
        alert_count=0,
        first_alert_at=None,
        last_alert_at=None,
        last_accepted_at=None,
        round=0,
        position=0,
        contacts=(),
        kinds_at_call=0,
        dispatches=(),
        attentions=0,
        last_attention_at=None,
        stretch=None,
        handled=(),
    )
