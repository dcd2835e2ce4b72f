"""One site of the log: its inputs in order, its incidents with what answered their commands, its records.

What the log lacks splits a site's steps into segments: a segment ends where a step cannot be judged, and the next one
begins once no incident is open by the log's decisions (as `streams.replay.site` resumes).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streams.escalation import memory
from streams.escalation.names import ProcedureName
from streams.escalation.procedures import PROCEDURE_OF_KIND
from streams.escalation.state import Remembered
from streams.escalation.values import (
    Alert,
    CallCommand,
    Decision,
    DispatchCommand,
    Event,
    Instant,
    OperatorAction,
    Site,
    SiteRecord,
)
from streams.replay.step import RecordedStep
from streams.replay.verdict import NO_BEGINNING, NO_INPUT, NO_PROCEDURE, NO_SITE
from streams.whatif.reactions import IncidentReactions, RecordedEvent

NO_COMMAND: Final = "a call or dispatch of it is not in the log any more"
LAST: Final = 1 << 60  # behind every place in the order of steps
_REPEATS: Final = frozenset({"DUPLICATE_ALERT", "DUPLICATE_INPUT"})


class Fire(NamedTuple):
    """When a deadline of the log fired, or could have, and its place in the order of the site's steps."""

    at: Instant
    place: int
    has_failed: bool
    site_offset: int | None  # the site record that its decision names


class SiteVersions:
    """The valid records of a site in the order of their log; ``site`` None: a tombstone."""

    def __init__(self, records: Iterable[tuple[int, Instant, Site | None]]) -> None:
        self._offsets: list[int] = []
        self._times: list[Instant] = []  # never back, so that they can be searched
        self._sites: list[Site | None] = []
        self._records: list[SiteRecord | None] = []
        for offset, at, site in records:
            self._offsets.append(offset)
            self._times.append(max(at, self._times[-1]) if self._times else at)
            self._sites.append(site)
            self._records.append(None if site is None else SiteRecord(offset, site))

    def place_of(self, offset: int) -> int | None:
        """Return the place of a record; None: the log does not have it."""
        place = bisect_left(self._offsets, offset)
        is_here = place < len(self._offsets) and self._offsets[place] == offset and self._sites[place] is not None
        return place if is_here else None

    def place_at(self, instant: Instant) -> int:
        """Return the place of the last record that was sent by then; -1: none."""
        return bisect_right(self._times, instant) - 1

    def record(self, place: int) -> SiteRecord | None:
        """Return a record; None for a tombstone, or no record."""
        return self._records[place] if place >= 0 else None

    def before(self, place: int) -> SiteRecord | None:
        """Return the last record of a site before a tombstone."""
        while place > 0 and self._sites[place] is None:
            place -= 1
        return self.record(place)

    def last_deleted(self, place: int) -> SiteRecord | None:
        """Return the last record that was deleted up to a place."""
        while place >= 0 and self._sites[place] is not None:
            place -= 1
        return self.before(place)

    def is_deleted(self, place: int, instant: Instant) -> bool:
        """Whether the record behind a place is a tombstone that was sent by then."""
        after = place + 1
        return after < len(self._sites) and self._sites[after] is None and self._times[after] <= instant

    def from_place(self, place: int) -> list[Site]:
        """Return the sites from a place on."""
        return [site for site in self._sites[max(place, 0) :] if site is not None]


@dataclass(slots=True)
class RecordedIncident:
    """An incident of the log from its first decision on."""

    incident_id: str
    decisions: list[Decision] = field(default_factory=list)
    reactions: IncidentReactions = field(default_factory=IncidentReactions)
    closed_at: Instant | None = None
    was_handed_over: bool = False
    alert_at: Instant | None = None  # the Kafka timestamp of the alert that opened it
    not_judged: str | None = None


@dataclass(slots=True)
class Segment:
    """Steps of a site without a gap; ``until`` is the time and the place of the next one, which cannot be judged."""

    remembered: tuple[Remembered, ...] = ()
    events: list[RecordedEvent] = field(default_factory=list)  # without those that answer a command
    fires: dict[tuple[str, Instant], list[Fire]] = field(default_factory=dict)
    until: tuple[Instant, int] | None = None


class Inputs(NamedTuple):
    """Looks up what a step names: its input (None: gone) with its Kafka timestamp; a command (None: gone)."""

    event: Callable[[RecordedStep], tuple[Event, Instant] | None]
    command: Callable[[str], CallCommand | DispatchCommand | None]
    knows: Callable[[str | None], bool]


class RecordedSite:
    """Takes a site's steps in order. ``quarantined`` are its quarantined alerts, as events without an incident."""

    def __init__(
        self, site_id: str, versions: SiteVersions, inputs: Inputs, quarantined: Sequence[RecordedEvent]
    ) -> None:
        self.site_id = site_id
        self.versions = versions
        self.incidents: dict[str, RecordedIncident] = {}
        self.segments = [Segment()]
        self.unfired: set[tuple[str, Instant]] = set()  # deadlines that the log ends before
        self._inputs = inputs
        self._quarantined = list(quarantined)
        # At the instants of those: by procedure, the places at which an incident was opened (True) or closed.
        self._changes: dict[Instant, defaultdict[ProcedureName, list[tuple[int, bool]]]] = {
            alert.at: defaultdict(list) for alert in quarantined
        }
        self._open: dict[str, ProcedureName] = {}
        self.lost_for: str | None = None  # why steps cannot be judged now; None: they can
        self._remembered: tuple[Remembered, ...] = ()
        self._place = 0

    def take(self, step: RecordedStep) -> None:
        """Take the next step."""
        self._place += 1
        if self.lost_for is not None and not self._open:
            self.lost_for = None
            self.segments.append(Segment(self._remembered))
        found = None if step.place is None else self._inputs.event(step)
        if self.lost_for is None:
            self.lost_for = self._obstacle(step, is_here=step.place is None or found is not None)
            if self.lost_for is not None:
                self.lose(self.lost_for, step.at)
        if found is not None:
            self._remember(step, found[0])
        if self.lost_for is None:
            self._add(step, found)
        else:
            self._pass_by(step)
        for decision in step.decisions:
            if decision.incident_id is not None:
                self._follow(decision, decision.incident_id, found)

    def _follow(self, decision: Decision, incident_id: str, found: tuple[Event, Instant] | None) -> None:
        """Keep which incidents are open."""
        is_open, was_open = decision.phase_to != "CLOSED", incident_id in self._open
        procedure = self._open.pop(incident_id, None) or _procedure_opened_by(found)
        if is_open:
            self._open[incident_id] = procedure
        if is_open != was_open and decision.at in self._changes:
            self._changes[decision.at][procedure].append((self._place, is_open))

    def lose(self, reason: str, at: Instant) -> None:
        """End the segment: what is open, and what follows until nothing is, cannot be judged."""
        self.lost_for = reason
        self.segments[-1].until = (at, self._place)
        for incident_id in self._open:
            self._incident(incident_id).not_judged = reason

    def finish(self, end: Instant) -> None:
        """Take no more steps; ``end`` is where the log ends."""
        for incident in self.incidents.values():
            last = incident.decisions[-1] if incident.decisions else None
            incident.reactions.end(end if incident.closed_at is None else incident.closed_at)
            if last is not None and last.deadline is not None and incident.closed_at is None:
                self.unfired.add((incident.incident_id, last.deadline))
        for segment in self.segments:
            if segment.events:
                self._place_quarantined(segment)
                segment.events.sort(key=lambda event: (event.at, event.place))

    def _place_quarantined(self, segment: Segment) -> None:
        """Put each quarantined alert before the first alert of its instant that lies behind it, else last there.

        Then before what opened an incident in that instant: this one, too, would have taken the alert.
        """
        begin = segment.events[0].at
        alerts: defaultdict[Instant, list[tuple[int, int]]] = defaultdict(list)
        for event in segment.events:
            if event.source.topic == "alerts":
                alerts[event.at].append((event.source.offset, event.place))
        for alert in self._quarantined:
            if begin <= alert.at and (segment.until is None or alert.at < segment.until[0]):
                behind = (place - 1 for offset, place in alerts.get(alert.at, ()) if offset > alert.source.offset)
                last = next(behind, LAST)
                assert isinstance(alert.event, Alert)
                changes = self._changes[alert.at][PROCEDURE_OF_KIND[alert.event.kind]]
                before = [change for change in changes if change[0] <= last]
                if before and before[-1][1]:
                    last = before[-1][0] - 1
                segment.events.append(alert._replace(place=last))

    # --- a step -------------------------------------------------------------------------------------

    def _obstacle(self, step: RecordedStep, *, is_here: bool) -> str | None:
        """Return why a step cannot be judged."""
        if any(one.version > 1 and one.incident_id not in self._open for one in step.decisions):
            return NO_BEGINNING
        if not is_here:
            return NO_INPUT
        if step.site_offset is not None and self.versions.place_of(step.site_offset) is None:
            return NO_SITE
        if not self._inputs.knows(step.opened_under):
            return NO_PROCEDURE
        commands = (name for one in step.decisions for name in one.outputs if _is_command(one, name))
        return NO_COMMAND if any(self._inputs.command(name) is None for name in commands) else None

    def _add(self, step: RecordedStep, found: tuple[Event, Instant] | None) -> None:
        touched = tuple(one.incident_id for one in step.decisions if one.incident_id is not None)
        if found is not None:
            opened = next((one.incident_id for one in step.decisions if one.version == 1), None)
            recorded = RecordedEvent(
                self._place,
                step.at,
                found[0],
                step.cause.source,
                touched,
                opened,
                step.opened_under,
                step.site_offset,
                _handed_over(step, found[0]),
            )
            if not touched and step.decisions[0].rule in _REPEATS:
                return  # of something accepted before: it has no effect
            if not self._answers(recorded):
                self.segments[-1].events.append(recorded)
            if opened is not None and isinstance(found[0], Alert):
                self._incident(opened).alert_at = found[1]
        for decision in step.decisions:
            if decision.incident_id is not None:
                self._decide(self._incident(decision.incident_id), decision)

    def _answers(self, recorded: RecordedEvent) -> bool:
        """Whether an input answers a command of a known incident, and so goes with that command."""
        event = recorded.event
        name = getattr(event, "command_id", None) or getattr(event, "dispatch_id", None) or ""
        incident = self.incidents.get(name.partition("-")[0])
        return incident is not None and incident.reactions.take(recorded)

    def _decide(self, incident: RecordedIncident, decision: Decision) -> None:
        armed = incident.decisions[-1].deadline if incident.decisions else None
        fire = None if armed is None else self._fire(armed, decision)
        if armed is not None and fire is not None:
            self.segments[-1].fires.setdefault((incident.incident_id, armed), []).append(fire)
        incident.decisions.append(decision)
        commands = [command for name in decision.outputs if (command := self._inputs.command(name)) is not None]
        incident.reactions.decided(decision, commands)
        if decision.phase_to == "CLOSED":
            incident.closed_at = decision.at
        elif decision.phase_to == "HANDED_OVER":
            incident.was_handed_over = True

    def _fire(self, armed: Instant, decision: Decision) -> Fire | None:
        """Return how an incident's deadline fired, if a decision tells it.

        After an assignment a worker handles the inputs that waited without deadlines, and one of them may change a
        deadline that is past. The log has no decision on that one: behind that input it could fire, not before it.
        """
        if decision.input.kind == "DEADLINE":
            return Fire(decision.at, self._place, decision.rule == "FAILED", decision.site_offset)
        is_overtaken = armed <= decision.at and decision.deadline != armed
        return Fire(decision.at, self._place + 1, False, decision.site_offset) if is_overtaken else None

    def _pass_by(self, step: RecordedStep) -> None:
        for decision in step.decisions:
            if decision.incident_id is not None:
                incident = self._incident(decision.incident_id)
                incident.decisions.append(decision)
                incident.not_judged = incident.not_judged or self.lost_for

    def _remember(self, step: RecordedStep, event: Event) -> None:
        """Keep the site's memory of accepted alerts and of actions that opened an incident (procedure.md §1)."""
        touched = step.decisions[0].incident_id is not None
        if isinstance(event, Alert) and touched:
            self._remembered = memory.remember(self._remembered, memory.of_alert(event, step.at))
        elif isinstance(event, OperatorAction) and touched and step.decisions[0].version == 1:
            self._remembered = memory.remember(self._remembered, memory.of_action(event, step.at))

    def _incident(self, incident_id: str) -> RecordedIncident:
        incident = self.incidents.get(incident_id)
        if incident is None:
            incident = RecordedIncident(incident_id)
            self.incidents[incident_id] = incident
        return incident


def _procedure_opened_by(found: tuple[Event, Instant] | None) -> ProcedureName:
    """Return the procedure of an incident that an input opened: an operator opens none of fire."""
    event = None if found is None else found[0]
    return PROCEDURE_OF_KIND.get(event.kind, "SECURITY") if isinstance(event, Alert) else "SECURITY"


def _is_command(decision: Decision, name: str) -> bool:
    """Whether an output is a call or a dispatch; its id says so (procedure.md §7)."""
    begin = len(decision.incident_id or "") + 1
    return name[begin : begin + 1] in {"c", "d"}


def _handed_over(step: RecordedStep, event: Event) -> tuple[str, ...]:
    """Return the incidents that operators had when one of them acted."""
    if not isinstance(event, OperatorAction):
        return ()
    return tuple(
        one.incident_id for one in step.decisions if one.incident_id is not None and one.phase_from == "HANDED_OVER"
    )


def by_site(steps: Iterable[RecordedStep]) -> dict[str, list[RecordedStep]]:
    """Return the steps of each site, in order."""
    sites: defaultdict[str, list[RecordedStep]] = defaultdict(list)
    for step in steps:
        sites[step.decisions[0].site_id].append(step)
    return sites
