"""What one input does to one incident: a draft of the incident, and the records to write.

The table for the input chooses a row; the row names its rule and acts on the update; `IncidentUpdate.outputs` then sums
it up in one decision. Rows write to the draft, directly or through `rounds`, `dispatching` and the methods here.
`InputContext.update` makes it as a copy, and `InputContext.conclude` puts it into the state; so an incident of a state
never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.escalation import identity
from streams.escalation.state import Stretch
from streams.escalation.values import (
    Attention,
    CallCommand,
    Decision,
    DispatchCommand,
    InputRef,
    Instant,
    Output,
    Site,
    SiteInForce,
)

if TYPE_CHECKING:
    from streams.escalation.attention_reasons import AttentionReason
    from streams.escalation.names import Phase, Rule
    from streams.escalation.state import Incident


class IncidentUpdate:
    """The effect of one input on one incident at ``now``; ``record`` is the site's record in force (or its last)."""

    __slots__ = (
        "_attention",
        "_calls",
        "_dispatches",
        "_phase_from",
        "_record",
        "disposition",
        "incident",
        "now",
        "rows",
        "rule",
        "site_id",
    )

    def __init__(
        self, site_id: str, record: SiteInForce | None, incident: Incident, phase_from: Phase | None, now: Instant
    ) -> None:
        self.site_id = site_id
        self.incident = incident  # a draft: rows write to it
        self.now = now
        self.rule: Rule  # of the decision; set before the row acts, as commands name it as their cause
        self.disposition: str | None = None
        self.rows: list[str] = []  # names of the table rows that decided
        self._record = record
        self._phase_from = phase_from
        self._calls: list[CallCommand] = []
        self._dispatches: list[DispatchCommand] = []
        self._attention: list[Attention] = []

    @property
    def site(self) -> Site | None:
        """The site as it is configured now; None only if its topic was lost."""
        return self._record.site if self._record is not None else None

    # --- for the rows -----------------------------------------------------------------------------

    def call(self, command: CallCommand) -> None:
        """Emit a call command."""
        self._calls.append(command)

    def dispatch(self, command: DispatchCommand) -> None:
        """Emit a dispatch command."""
        self._dispatches.append(command)

    def enter(self, phase: Phase, seconds: int) -> None:
        """Enter (or stay in) an open phase, with a deadline ``seconds`` from now."""
        self.incident.phase = phase
        self.incident.deadline = self.now + seconds * 1000

    def close(self) -> None:
        """Close the incident: it has no deadline, and nothing happens to it any more."""
        self.incident.phase = "CLOSED"
        self.incident.deadline = None
        self.incident.amend_due = None

    def raise_once(self, reason: AttentionReason) -> None:
        """Raise an attention that no deadline repeats; a stretch of another reason continues."""
        self._raise(reason, repeat=0)

    def raise_again(self, reason: AttentionReason) -> None:
        """Raise an attention that a deadline repeats; ``repeat`` counts within its stretch."""
        stretch = self.incident.stretch
        repeat = stretch.raised if stretch is not None and stretch.reason == reason else 0
        self.incident.stretch = Stretch(reason, repeat + 1)
        self._raise(reason, repeat)

    def attention_again(self) -> None:
        """Repeat the attention of the hand-over: same reason, next ``repeat``; the deadline stays."""
        stretch = self.incident.stretch
        assert stretch is not None, "an incident is handed over with an attention"
        self.raise_again(stretch.reason)

    def hand_over(self, reason: AttentionReason) -> None:
        """Hand the incident to the operators: an attention is raised again until one of them acts."""
        self.incident.stretch = None
        self.incident.amend_due = None
        self.enter("HANDED_OVER", self.incident.procedure.attention_interval_seconds)
        self.raise_again(reason)

    def note_duress(self) -> None:
        """Note a customer under threat: all later outputs are covert, and an attention is raised, once."""
        self.incident.covert = True
        if not self.incident.duress:
            self.incident.duress = True
            self.raise_once("DURESS")

    def _raise(self, reason: AttentionReason, repeat: int) -> None:
        incident = self.incident
        incident.attentions += 1
        incident.last_attention_at = self.now
        self._attention.append(
            Attention(
                attention_id=identity.attention_id(incident.incident_id, incident.attentions),
                incident_id=incident.incident_id,
                site_id=self.site_id,
                procedure=incident.procedure.name,
                reason=reason,
                repeat=repeat,
                cause=self.rule,
                covert=incident.covert,
                alert_kinds=incident.alert_kinds,
                alert_count=incident.alert_count,
                last_alert_at=incident.last_alert_at,
                raised_at=self.now,
            )
        )

    # --- the result -------------------------------------------------------------------------

    def outputs(self, cause: InputRef) -> list[Output]:
        """Return the records to write: calls, dispatches and attention, then the decision that names them."""
        incident = self.incident
        assert (incident.deadline is None) == (incident.phase == "CLOSED"), "an open incident has a deadline"
        incident.version += 1
        records: list[Output] = []
        emitted: list[str] = []
        for call in self._calls:
            records.append(Output("calls", call))
            emitted.append(call.command_id)
        for dispatch in self._dispatches:
            records.append(Output("dispatches", dispatch))
            emitted.append(dispatch.command_id)
        for attention in self._attention:
            records.append(Output("attention", attention))
            emitted.append(attention.attention_id)
        calling = incident.phase in {"CALLING", "CONFIRMING"}
        decision = Decision(
            decision_id=identity.decision_id(incident.incident_id, incident.version),
            incident_id=incident.incident_id,
            procedure_version=incident.procedure.version,
            site_id=self.site_id,
            version=incident.version,
            at=self.now,
            input=cause,
            site_offset=self._record.offset if self._record is not None else None,
            rule=self.rule,
            phase_from=self._phase_from,
            phase_to=incident.phase,
            round=incident.round if calling else None,
            position=incident.position if calling else None,
            deadline=incident.next_deadline(),
            disposition=self.disposition,
            outputs=tuple(emitted),
        )
        records.append(Output("decisions", decision))
        return records
