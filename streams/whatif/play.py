"""Play one segment of a site through the core: inputs of the log at their times, reactions after their commands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Final

from streams.escalation import dispatching, memory, rounds
from streams.escalation import step as core
from streams.escalation.readiness import callees, is_empty
from streams.escalation.state import MEMORY_MS, Incident, SiteState
from streams.escalation.values import (
    Alert,
    CallCommand,
    CallResult,
    Decision,
    DispatchCommand,
    DispatchReport,
    Event,
    Instant,
    OperatorAction,
    SiteRecord,
)
from streams.whatif.change import ProceduresOfVersions
from streams.whatif.reactions import FOR_GOOD, CallKey, DispatchReactions, IncidentReactions, Reaction, RecordedEvent
from streams.whatif.recorded import LAST, Fire, RecordedSite, Segment
from streams.whatif.scheduled import Arrival, CallKnown, DispatchKnown, HandOverKnown, Scheduled

_NEVER: Final = 1 << 62
# An incident that opens so long after an undetermined one may have been part of it.
DOUBT_MS: Final = MEMORY_MS


@dataclass(slots=True)
class PlayedIncident:
    """An incident as it went under the procedure; what is unknown of it, if it is ``undetermined``."""

    incident_id: str
    decisions: list[Decision] = field(default_factory=list)
    undetermined: str | None = None
    may_be_another: bool = False  # an undetermined one before it may not have been over yet
    may_ask: bool = False  # a guard may still have been asked for
    calls_left: int = 0  # that may still have been placed
    reports: dict[int, tuple[DispatchReactions, str]] = field(default_factory=dict)  # of its dispatches
    calls_seen: defaultdict[tuple[int, str, str], int] = field(default_factory=lambda: defaultdict(int))
    partners_seen: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


_NOTHING: Final = IncidentReactions()


class SitePlay:
    """Plays one segment; ``end`` is where the log ends. ``merged``: incidents of the log that are part of others."""

    def __init__(self, site: RecordedSite, segment: Segment, procedures: ProceduresOfVersions, end: Instant) -> None:
        self.incidents: dict[str, PlayedIncident] = {}
        self.merged: dict[str, str] = {}
        self._site = site
        self._segment = segment
        self._procedures = procedures
        self._end = (end, LAST) if segment.until is None else (segment.until[0], segment.until[1] - 1)
        self._fires = {key: list(fires) for key, fires in segment.fires.items()}
        self._state = SiteState(remembered=segment.remembered)
        self._queue: list[tuple[Instant, int, int, Scheduled]] = []
        self._pushed = 0
        self._now: Instant = 0
        self._record_place = -1
        self._gone: set[str] = set()  # undetermined incidents, and those of the log whose inputs go with them
        self._doubts: dict[str, Instant] = {}  # by procedure, since when one is undetermined

    def run(self) -> None:
        """Play all, then mark what is open though the log saw its end."""
        events = self._segment.events
        reached = 0
        while True:
            at, place, incident, fire = self._next_deadline()
            event = events[reached] if reached < len(events) else None
            queued = self._queue[0] if self._queue else None
            first, source = (at, place), 0
            if event is not None and (event.at, event.place) < first:
                first, source = (event.at, event.place), 1
            if queued is not None and queued[:2] < first:
                first, source = queued[:2], 2
            if first > self._end:
                break
            self._now = max(self._now, first[0])
            if source == 0:
                assert incident is not None
                self._fire(incident, fire)
            elif source == 1:
                assert event is not None
                reached += 1
                self._take(event)
            else:
                self._arrive(heappop(self._queue)[3])
        self._finish()

    # --- what is next -------------------------------------------------------------------------------

    def _next_deadline(self) -> tuple[Instant, int, Incident | None, Fire | None]:
        """Return when the next deadline fires, its place, its incident, and how it fired in the log."""
        best: tuple[Instant, int, Incident | None, Fire | None] = (_NEVER, 0, None, None)
        for incident in self._state.incidents:
            armed = incident.next_deadline()
            if armed is None:
                continue
            key = (incident.incident_id, armed)
            fires = self._fires.get(key)
            if fires:
                at, place = fires[0].at, fires[0].place
            elif key in self._site.unfired:
                continue
            else:
                at, place = armed, -1
            if (at, place) < best[:2]:
                best = (at, place, incident, fires[0] if fires else None)
        return best

    def _schedule(self, at: Instant, place: int, what: Scheduled) -> None:
        self._pushed += 1
        heappush(self._queue, (at, place, self._pushed, what))

    # --- inputs -------------------------------------------------------------------------------------

    def _take(self, recorded: RecordedEvent) -> None:
        """An input that keeps its time."""
        touched, event = recorded.incidents, recorded.event
        if not touched and not self._state.incidents:
            return  # it opened nothing in the log, and opens nothing here
        if recorded.handed_over and not self._is_handed_over(recorded.handed_over):
            return
        if touched and all(self.merged.get(one, one) in self._gone for one in touched):
            if isinstance(event, Alert):
                accepted = memory.of_alert(event, self._now)
                self._state = self._state._replace(remembered=memory.remember(self._state.remembered, accepted))
            return
        if recorded.opened is None and self.merged:
            event = self._renamed(event)
        decisions = self._decide(recorded, event)
        went_to = next((one for one in decisions if one.incident_id is not None), None)
        if recorded.opened is not None and went_to is not None and went_to.incident_id not in {None, recorded.opened}:
            self.merged[recorded.opened] = went_to.incident_id or ""
        if went_to is not None and went_to.version == 1 and recorded.opened is None:
            self._gone.update(one for one in touched if went_to.incident_id in self._gone)

    def _is_handed_over(self, recorded: Sequence[str]) -> bool:
        """Whether operators have one of those incidents here.

        One that they do not have yet is taken out: the log does not say what they do about it later.
        """
        names = {self.merged.get(one, one) for one in recorded}
        for incident in self._state.incidents:
            if incident.incident_id in names and incident.phase != "HANDED_OVER":
                self._leave_open(incident, "operators had it handed over in the log then")
        return any(one.incident_id in names for one in self._state.incidents)

    def _renamed(self, event: Event) -> Event:
        """Let an input name the incident that the one it named is part of here."""
        if isinstance(event, CallResult):
            command = event.command_id or ""
            its = self.merged.get(command.partition("-")[0])
            if its is not None:
                event = event._replace(command_id=its + command[command.index("-") :] if "-" in command else its)
        if isinstance(event, CallResult | OperatorAction) and event.incident_id in self.merged:
            return event._replace(incident_id=self.merged[event.incident_id])
        return event

    def _arrive(self, what: Scheduled) -> None:
        if isinstance(what, Arrival):
            shift = self._now - what.recorded.at
            event = what.event
            if shift and isinstance(event, CallResult):
                event = event._replace(ended_at=event.ended_at + shift)
            self._decide(what.recorded, event)
            return
        incident = next((one for one in self._state.incidents if one.incident_id == what.incident_id), None)
        if incident is None or self._now >= self._end[0]:
            return
        if isinstance(what, CallKnown):
            if rounds.outstanding_id(incident) == what.command_id:
                self._leave_open(incident, "its call was withdrawn before in the log")
        elif isinstance(what, DispatchKnown):
            last = dispatching.current(incident)
            is_same = last is not None and (last.number, last.cancelled != "NO") == (what.number, what.is_cancelled)
            if is_same and incident.phase in {"DISPATCHED", "HANDED_OVER"}:
                self._leave_open(incident, "the log ends to say what the partner did")
        elif incident.phase == "HANDED_OVER":
            self._leave_open(incident, "operators had it for a shorter time in the log")

    def _decide(self, recorded: RecordedEvent, event: Event) -> list[Decision]:
        is_named = recorded.site_offset is not None or recorded.at == self._now
        record, last = self._in_force(recorded.site_offset, is_named=is_named, opens=recorded.opened is not None)
        state = self._state
        if last is not state.last_record:
            state = state._replace(last_record=last if state.incidents else None)
        procedures = self._procedures.named(recorded.version)
        return self._apply(core.on_event(state, record, event, recorded.source, self._now, procedures))

    def _fire(self, incident: Incident, fire: Fire | None) -> None:
        if fire is not None:
            self._fires[incident.incident_id, incident.next_deadline() or 0].pop(0)
        record, last = self._in_force(None if fire is None else fire.site_offset, is_named=fire is not None)
        if last is not self._state.last_record:
            self._state = self._state._replace(last_record=last)
        deadline = min(one for one in self._state.deadlines() if one.incident_id == incident.incident_id)
        door = core.on_failed_deadline if fire is not None and fire.has_failed else core.on_deadline
        self._apply(door(self._site.site_id, self._state, record, deadline, self._now))

    def _in_force(
        self, site_offset: int | None, *, is_named: bool, opens: bool = False
    ) -> tuple[SiteRecord | None, SiteRecord | None]:
        """Return the site's record now, and a deleted site's last one for its open incidents.

        The log names it, or that there was none (None), or else it is the last one sent by now.
        """
        versions = self._site.versions
        if is_named and site_offset is None:
            return None, versions.last_deleted(versions.place_at(self._now))
        place = None if site_offset is None else versions.place_of(site_offset)
        if place is None:
            place = max(self._record_place, versions.place_at(self._now))
        self._record_place = max(self._record_place, place)
        if versions.record(place) is None:
            return None, versions.before(place)
        if not opens and versions.is_deleted(place, self._now):
            return None, versions.record(place)
        return versions.record(place), None

    # --- what the core gives ------------------------------------------------------------------------

    def _apply(self, step: core.Step) -> list[Decision]:
        self._state = step.state
        decisions: list[Decision] = []
        unknown: dict[str, str] = {}
        for topic, value in step.outputs:
            if topic == "calls":
                self._called(value, unknown)
            elif topic == "dispatches":
                self._dispatched(value, unknown)
            elif isinstance(value, Decision):
                decisions.append(value)
                if value.incident_id is not None:
                    self._decided(value, unknown)
        for incident in step.state.incidents if unknown else ():
            if incident.incident_id in unknown:
                self._leave_open(incident, unknown[incident.incident_id])
        return decisions

    def _decided(self, decision: Decision, unknown: dict[str, str]) -> None:
        incident_id = decision.incident_id or ""
        self._played(incident_id).decisions.append(decision)
        if decision.version == 1 and self._doubts:
            self._doubt(incident_id)
        if decision.phase_to == "HANDED_OVER" and decision.phase_from != "HANDED_OVER":
            recorded = self._site.incidents.get(incident_id)
            if recorded is None or not recorded.was_handed_over:
                unknown[incident_id] = "operators did not have it in the log"
            elif recorded.closed_at is not None:
                self._schedule(max(self._now, recorded.closed_at), LAST, HandOverKnown(incident_id))

    def _called(self, command: Any, unknown: dict[str, str]) -> None:
        assert isinstance(command, CallCommand)
        if command.action == "CANCEL":
            return
        played = self._played(command.incident_id)
        triple = (command.round, command.contact_id, command.action)
        key: CallKey = (*triple, played.calls_seen[triple])
        played.calls_seen[triple] += 1
        known = self._reactions(command.incident_id).calls.get(key)
        if known is None:
            unknown[command.incident_id] = "this call was not placed in the log"
            return
        for delay, recorded in known.reactions:
            event = recorded.event
            assert isinstance(event, CallResult)
            if event.command_id != command.command_id:
                event = event._replace(command_id=command.command_id)
            self._schedule(self._now + delay, recorded.place, Arrival(recorded, event))
        if known.known_for != FOR_GOOD:
            at = self._now + known.known_for
            self._schedule(at, LAST, CallKnown(command.incident_id, command.command_id))

    def _dispatched(self, command: Any, unknown: dict[str, str]) -> None:
        assert isinstance(command, DispatchCommand)
        played = self._played(command.incident_id)
        number = int(command.dispatch_id.rpartition("-d")[2])
        if command.action == "REQUEST" and command.attempt == 1:
            unknown.pop(command.incident_id, None)  # a cancel of the one before
            place = played.partners_seen[command.partner_id]
            played.partners_seen[command.partner_id] += 1
            known = self._reactions(command.incident_id).dispatches.get((command.partner_id, place))
            if known is None:
                unknown[command.incident_id] = "this partner was not asked in the log"
                return
            played.reports[number] = (known, command.dispatch_id)
            self._expect(command, number, known.reactions, known.known_for, is_cancelled=False)
        elif command.action == "CANCEL" and number in played.reports:
            known, dispatch_id = played.reports[number]
            self._forget_reports(dispatch_id)
            if known.cancelled_at is None:
                unknown[command.incident_id] = "this partner got no cancel in the log"
            else:
                self._expect(command, number, known.after_cancel, known.known_after_cancel, is_cancelled=True)

    def _expect(
        self, command: DispatchCommand, number: int, reactions: list[Reaction], known_for: int, *, is_cancelled: bool
    ) -> None:
        for delay, recorded in reactions:
            event = recorded.event
            assert isinstance(event, DispatchReport)
            if event.dispatch_id != command.dispatch_id:
                event = event._replace(dispatch_id=command.dispatch_id)
            self._schedule(self._now + delay, recorded.place, Arrival(recorded, event))
        if known_for != FOR_GOOD:
            known = DispatchKnown(command.incident_id, number, is_cancelled)
            self._schedule(self._now + known_for, LAST, known)

    def _forget_reports(self, dispatch_id: str) -> None:
        """Drop the reports under way of a dispatch that is cancelled."""
        kept = [
            one
            for one in self._queue
            if not (
                isinstance(one[3], Arrival)
                and isinstance(one[3].event, DispatchReport)
                and one[3].event.dispatch_id == dispatch_id
                and one[0] > self._now
            )
        ]
        if len(kept) != len(self._queue):
            self._queue = sorted(kept)

    def _played(self, incident_id: str) -> PlayedIncident:
        played = self.incidents.get(incident_id)
        if played is None:
            played = PlayedIncident(incident_id)
            self.incidents[incident_id] = played
        return played

    def _reactions(self, incident_id: str) -> IncidentReactions:
        recorded = self._site.incidents.get(incident_id)
        return _NOTHING if recorded is None else recorded.reactions

    def _doubt(self, incident_id: str) -> None:
        name = next((one.procedure.name for one in self._state.incidents if one.incident_id == incident_id), "")
        if self._now - self._doubts.get(name, -DOUBT_MS) < DOUBT_MS:
            self._played(incident_id).may_be_another = True

    # --- what is undetermined -----------------------------------------------------------------------

    def _leave_open(self, incident: Incident, why: str) -> None:
        """Take an incident out: from here on the log does not say how it goes."""
        name, incident_id = incident.procedure.name, incident.incident_id
        played = self._played(incident_id)
        played.undetermined = why
        sites = self._site.versions.from_place(self._record_place)
        default = incident.procedure.default_partner
        played.may_ask = any(
            site.intervention.enabled and (default or any(not is_empty(one) for one in site.intervention.partners))
            for site in sites
        )
        longest = max([len(incident.contacts), *(len(callees(site)) for site in sites)])
        if incident.phase in {"CALLING", "CONFIRMING", "WAITING"}:
            left = len(incident.contacts) - incident.position
            played.calls_left = left + (longest if incident.round == 1 else 0)
        self._gone.add(incident_id)
        self._doubts[name] = self._now
        self._state = self._state._replace(
            incidents=tuple(one for one in self._state.incidents if one.incident_id != incident_id)
        )

    def _finish(self) -> None:
        """Mark the incidents that are open here at the end, unless the log has them so, decision by decision."""
        for incident in self._state.incidents:
            recorded = self._site.incidents.get(incident.incident_id)
            ours = self.incidents[incident.incident_id].decisions
            if recorded is None or recorded.closed_at is not None or len(recorded.decisions) != len(ours):
                self._leave_open(incident, "the log ends before it does")
