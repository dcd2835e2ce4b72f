"""The core in virtual time: inputs at given instants, every deadline at its own (procedure.md §7).

No clock and no Kafka: partition 0, sites and their state as objects. `ronde simulate` and tests use it.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from streams.escalation.procedures import DEFAULTS, Procedures
from streams.escalation.state import AMEND, EMPTY, PHASE, Deadline, SiteState
from streams.escalation.step import Step, on_deadline, on_event, on_failed_deadline, on_site, set_aside_attention
from streams.escalation.values import Event, Instant, OutputValue, Site, SiteRecord, Source

PARTITION: Final = 0
_NEVER: Final = 1 << 62  # later than any instant


class DeadLetter(NamedTuple):
    """Why an input is a dead letter, or a state is set aside; ``topic`` is its origin, without prefix."""

    topic: str
    reason: str
    error: str


class Record(NamedTuple):
    """One output record. ``key`` is the site's id; of a dead letter, the key of its input."""

    at: Instant
    topic: str
    key: Any  # JSON
    value: OutputValue | DeadLetter | None


class Simulation:
    """All sites and their state. Time goes forward: `advance` to an input's time before it is handled."""

    def __init__(self, procedures: Procedures = DEFAULTS) -> None:
        self._procedures = procedures
        self._records: dict[str, SiteRecord] = {}
        self._states: dict[str, SiteState] = {}
        self._heap: list[
            tuple[Instant, Deadline, str]
        ] = []  # with the site; superseded ones are dropped when they are due
        # By kind of deadline, of each incident in the heap: the deadline, or an earlier time at which to look again.
        self._watched: tuple[dict[str, Instant], dict[str, Instant]] = ({}, {})
        self._set_aside = 0

    def advance(self, to: Instant) -> Iterator[Record]:
        """Fire the deadlines due at or before ``to``, of all sites, each at its own instant, new ones included.

        Exhaust it before the next call. It yields records one by one, as a long time may produce many.
        """
        while self._heap and self._heap[0][0] <= to:
            at, deadline, site_id = heappop(self._heap)
            watched = self._watched[deadline.kind]
            if watched.get(deadline.incident_id) == at:
                del watched[deadline.incident_id]
                state = self._states.get(site_id, EMPTY)
                if deadline in state.deadlines():
                    yield from self._fire(site_id, state, deadline)
                else:
                    self._watch(site_id, state)

    def event(self, event: Event, source: Source, now: Instant) -> list[Record]:
        """An alert, result, report or action, handled at ``now``."""
        site_id = event.site_id
        state = self._states.get(site_id, EMPTY)
        try:
            step = on_event(state, self._records.get(site_id), event, source, now, self._procedures)
        except Exception as error:  # noqa: BLE001  # any failure of the core is a dead letter
            return [_failure(now, source.topic, site_id, error)]
        return self._take(site_id, state, step, now)

    def site(self, site_id: str, site: Site | None, source: Source, now: Instant) -> list[Record]:
        """A site record or, with ``site`` None, its tombstone, handled at ``now``."""
        state = self._states.get(site_id, EMPTY)
        try:
            step = on_site(state, self._records.get(site_id), site, now)
        except Exception as error:  # noqa: BLE001  # any failure of the core is a dead letter
            return [_failure(now, source.topic, site_id, error)]
        if site is None:
            self._records.pop(site_id, None)
        else:
            self._records[site_id] = SiteRecord(source.offset, site)
        return self._take(site_id, state, step, now)

    def _fire(self, site_id: str, state: SiteState, deadline: Deadline) -> list[Record]:
        record = self._records.get(site_id)
        try:
            step = _fired(on_deadline, site_id, state, record, deadline)
        except Exception:  # noqa: BLE001  # any failure of the core hands the incident over
            try:
                step = _fired(on_failed_deadline, site_id, state, record, deadline)
            except Exception as error:  # noqa: BLE001  # and this site alone is set aside
                return self._give_up(site_id, state, deadline.at, error)
        return self._take(site_id, state, step, deadline.at)

    def _take(self, site_id: str, before: SiteState, step: Step, now: Instant) -> list[Record]:
        if step.state is not before:
            self._keep(site_id, step.state)
        return [Record(now, topic, site_id, value) for topic, value in step.outputs]

    def _keep(self, site_id: str, state: SiteState) -> None:
        if state == EMPTY:
            self._states.pop(site_id, None)
        else:
            self._states[site_id] = state
            self._watch(site_id, state)

    def _watch(self, site_id: str, state: SiteState) -> None:
        """Push each deadline onto the heap, at its time or earlier: most are moved before they are due."""
        phases, amends = self._watched
        for incident in state.incidents:
            incident_id = incident.incident_id
            if incident.deadline is not None and incident.deadline < phases.get(incident_id, _NEVER):
                phases[incident_id] = incident.deadline
                heappush(self._heap, (incident.deadline, Deadline(incident.deadline, incident_id, PHASE), site_id))
            if incident.amend_due is not None and incident.amend_due < amends.get(incident_id, _NEVER):
                amends[incident_id] = incident.amend_due
                heappush(self._heap, (incident.amend_due, Deadline(incident.amend_due, incident_id, AMEND), site_id))

    def _give_up(self, site_id: str, state: SiteState, now: Instant, error: Exception) -> list[Record]:
        """Set the site's state aside (procedure.md §7): its next alert finds no incident.

        No state record is written here, so the states set aside are counted from 0 instead of by offset.
        """
        self._keep(site_id, EMPTY)
        source = Source("state", PARTITION, self._set_aside)
        self._set_aside += 1
        attention = set_aside_attention(site_id, state, source, now)
        return [_failure(now, "state", site_id, error), Record(now, "attention", site_id, attention)]


def _fired(
    fire: Callable[[str, SiteState, SiteRecord | None, Deadline, Instant], Step],
    site_id: str,
    state: SiteState,
    record: SiteRecord | None,
    deadline: Deadline,
) -> Step:
    """Fire a deadline at its own instant."""
    step = fire(site_id, state, record, deadline, deadline.at)
    assert deadline not in step.state.deadlines(), "a deadline fires once"
    return step


def _failure(now: Instant, topic: str, site_id: str, error: Exception) -> Record:
    return Record(now, "dead-letters", site_id, DeadLetter(topic, "FAILED", f"{type(error).__name__}: {error}"))
