"""The core fed again with every input at its recorded time: it must give the same records, byte for byte.

Deadlines fire when their decisions say they did; when they should have is the affair of `tests.faults.incidents`.
The core is pure and knows one site at a time, so each site of each partition is replayed by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from streams.escalation.procedures import Procedures
from streams.escalation.state import EMPTY, SiteState
from streams.escalation.step import is_forgettable, on_deadline, on_event, on_failed_deadline, on_site
from streams.escalation.values import CallResult, Output, SiteRecord, Source
from tests.faults import values
from tests.faults.evidence import Evidence, Told, Violation, place_of
from tests.faults.records import Place, Raw, Topics, decode, encode, header_of

# Within one chunk, which has one time: a state is set aside, then sites pass, then the rest in the order decided.
PUT_AWAY: Final = 0
SITE: Final = 1
DECIDED: Final = 2
# A clock that differs by less is not judged by (contracts.md, ``clock.ahead_ms``).
JUDGED_MS: Final = 1_000


class Happening(NamedTuple):
    """One thing that happened at a site, in the order of ``at``, ``stage``, ``place_in_line``."""

    at: int
    stage: int
    place_in_line: int
    what: Any  # None, the site's record and its readiness, or the decisions of one input or deadline


@dataclass(slots=True)
class Life:
    """One site of one partition: what happened there, and what the replay has come to."""

    happenings: list[Happening] = field(default_factory=list)
    quarantined: list[Told] = field(default_factory=list)
    state: SiteState = EMPTY
    record: SiteRecord | None = None
    now: int = 0


class Differs(Exception):
    """What the core gives now is not what is on the topics."""


def replay(evidence: Evidence, procedures: Procedures) -> Iterator[Violation]:
    """Replay all sites; of each, the first record that differs. Then compare their last states."""
    inputs = {raw.place: raw for raw in (*evidence.topics.inputs(), *evidence.topics.of("sites"))}
    lives = _lives(evidence)
    broken = set()
    for where, life in lives.items():
        try:
            _Replay(evidence, procedures, inputs, where, life).run()
        except Differs as differs:
            broken.add(where)
            yield Violation("REPLAY_DIFFERS", f"partition {where[0]}, {where[1]!r}", str(differs))
        except Exception as error:  # noqa: BLE001 - of what is not right the core may make anything
            broken.add(where)
            told = f"the core raises {type(error).__name__} at {life.now}"
            yield Violation("REPLAY_DIFFERS", f"partition {where[0]}, {where[1]!r}", told)
    yield from _states(evidence.topics, {where: life for where, life in lives.items() if where not in broken}, broken)


def _lives(evidence: Evidence) -> dict[tuple[int, bytes | None], Life]:
    lives: defaultdict[tuple[int, bytes | None], Life] = defaultdict(Life)
    groups: dict[Place, list[Told]] = {}
    for number, told in enumerate(evidence.decisions):
        where = (told.raw.partition, told.raw.key)
        place = place_of(told.value)
        if place is not None and place in groups:
            groups[place].append(told)  # the same input, another incident
            continue
        group = [told]
        if place is not None:
            groups[place] = group
        lives[where].happenings.append(Happening(told.value["at"], DECIDED, number, group))
    for where, sites in _passes(evidence).items():
        lives[where].happenings += sites
    for where, dead in evidence.set_aside().items():
        lives[where].happenings += [Happening(letter.raw.timestamp, PUT_AWAY, 0, None) for letter in dead]
    for told in evidence.quarantined:
        lives[told.raw.partition, told.raw.key].quarantined.append(told)
    for life in lives.values():
        life.happenings.sort(key=lambda happening: happening[:3])
    return lives


def _passes(evidence: Evidence) -> dict[tuple[int, bytes | None], list[Happening]]:
    """Site records passed when their readiness says so: of each key, in the same order."""
    dead = {dead.place for dead in evidence.dead}
    sites: defaultdict[tuple[int, bytes | None], list[Raw]] = defaultdict(list)
    for raw in evidence.topics.of("sites"):
        if raw.place not in dead:
            sites[raw.partition, raw.key].append(raw)
    told: defaultdict[tuple[int, bytes | None], list[Raw]] = defaultdict(list)
    for raw in evidence.readiness:
        told[raw.partition, raw.key].append(raw)
    return {
        where: [
            Happening(readiness.timestamp, SITE, site.offset, (site, readiness))
            for site, readiness in zip(records, told[where], strict=False)  # their number is checked elsewhere
        ]
        for where, records in sites.items()
    }


class _Replay:
    """One site's."""

    def __init__(
        self,
        evidence: Evidence,
        procedures: Procedures,
        inputs: dict[Place, Raw],
        where: tuple[int, bytes | None],
        life: Life,
    ) -> None:
        self._evidence = evidence
        self._procedures = procedures
        self._inputs = inputs
        self._partition, self._key = where
        self._life = life

    def run(self) -> None:
        """All that happened, in order. Raises `Differs`."""
        life = self._life
        for happening in life.happenings:
            self._quarantines(happening.at)
            life.now = happening.at
            if happening.stage == PUT_AWAY:
                life.state = EMPTY
            elif happening.stage == SITE:
                self._site(*happening.what)
            else:
                self._decided(happening.what)
        self._quarantines(None)

    def _site(self, raw: Raw, readiness: Raw) -> None:
        life = self._life
        site = None if raw.value is None else values.site(decode("sites", raw.value))
        is_older = life.record is not None and raw.offset < life.record.offset
        step = on_site(EMPTY if is_older else life.state, life.record, site, life.now)
        self._compare(step.outputs, [readiness], f"sites {raw.partition}/{raw.offset}")
        if not is_older:
            life.state = step.state
            life.record = None if site is None else SiteRecord(raw.offset, site)

    def _decided(self, group: list[Told]) -> None:
        life = self._life
        decision = group[0].value
        name = decision["decision_id"]
        self._put_in_force(decision["site_offset"], name)
        site_id = decision["site_id"]
        if decision["input"]["kind"] == "DEADLINE":
            armed = [due for due in life.state.deadlines() if due.incident_id == decision["incident_id"]]
            if not armed or min(armed).at > life.now:
                raise Differs(f"{name}: no deadline of its incident is due")
            fire = on_failed_deadline if decision["rule"] == "FAILED" else on_deadline
            step = fire(site_id, life.state, life.record, min(armed), life.now)
        else:
            place = place_of(decision)
            assert place is not None
            event = self._judged(place, self._event(place), group[0].raw)
            step = on_event(life.state, life.record, event, Source(*place), life.now, self._procedures)
        expected: list[Raw] = []
        for told in group:
            for output in told.value["outputs"]:
                found = self._evidence.outputs.get(output)
                if not found:
                    raise Differs(f"{name}: its output {output} is not there")
                expected.append(found[0].raw)
            expected.append(told.raw)
        self._compare(step.outputs, expected, name)
        life.state = step.state

    def _quarantines(self, until: int | None) -> None:
        """Alerts that opened nothing change nothing: each must come out so somewhere within its time."""
        life = self._life
        kept = []
        for told in life.quarantined:
            at = told.value["at"]
            if until is not None and at > until:
                kept.append(told)
                continue
            try:
                self._quarantine(told)
            except Differs:
                if until is None or at < until:
                    raise
                kept.append(told)  # others of the same time come first
        life.quarantined = kept

    def _quarantine(self, told: Told) -> None:
        life, value = self._life, told.value
        given = value["input"]
        place = (given["topic"], given["partition"], given["offset"])
        name = f"quarantine {told.raw.partition}/{told.raw.offset}"
        self._put_in_force(value["site_offset"], name)
        event = self._event(place)
        step = on_event(life.state, life.record, event, Source(*place), value["at"], self._procedures)
        self._compare(step.outputs, [told.raw], name)

    def _put_in_force(self, offset: int | None, name: str) -> None:
        """A restore reads the whole of ``sites``: a record may come into force before it passes, never go back."""
        life = self._life
        if offset is None or (life.record is not None and life.record.offset >= offset):
            return
        last = life.state.last_record
        if life.record is None and last is not None and last.offset == offset:
            return  # of a deleted site
        raw = self._inputs.get(("sites", self._partition, offset))
        if raw is None or raw.key != self._key or raw.value is None:
            raise Differs(f"{name}: there is no record of its site at offset {offset} of sites")
        life.record = SiteRecord(offset, values.site(decode("sites", raw.value)))

    def _event(self, place: Place) -> Any:
        raw = self._inputs.get(place)
        if raw is None or raw.value is None:
            raise Differs(f"there is no input at {place}")
        return values.event(place[0], decode(place[0], raw.value))

    def _judged(self, place: Place, event: Any, decision: Raw) -> Any:
        """A result with ``ended_at`` as it was judged: by the clock of its partition, where that was ahead or behind.

        A clock that is ahead goes at 95 % of time's pace. It cannot have been ahead by more than the decision is later
        than its input was sent, and is taken for behind by no more than it is earlier.
        """
        stated = dict(decision.headers).get("clock.ahead_ms")
        if stated is None or not isinstance(event, CallResult):
            return event
        sent_at = self._inputs[place].timestamp
        later = self._life.now - sent_at
        if int(stated) < 0:
            behind = min(-int(stated), -later) if sent_at > 0 else -int(stated)
            return event._replace(ended_at=event.ended_at - behind) if behind >= JUDGED_MS else event
        ahead = min(int(stated), max(later, 0))
        if ahead < JUDGED_MS:
            return event
        since = self._life.now - ahead - event.ended_at  # by the wall clock
        return event._replace(ended_at=self._life.now - since * 95 // 100)

    def _compare(self, outputs: list[Output], expected: list[Raw], name: str) -> None:
        came = [output.topic for output in outputs]
        if came != [raw.topic for raw in expected]:
            raise Differs(f"{name}: the core gives {came} and not {[raw.topic for raw in expected]}")
        for output, raw in zip(outputs, expected, strict=True):
            if output.value is None or raw.value is None:
                if (output.value is None) is not (raw.value is None):
                    raise Differs(f"{name}: one of the two {raw.topic} is a tombstone")
                continue
            value = values.plain(output.value)
            if encode(raw.topic, value, header_of(raw.value)) != raw.value:
                raise Differs(f"{name}: {_difference(raw.topic, value, raw.value)}")


def _difference(topic: str, value: dict[str, Any], data: bytes) -> str:
    there = decode(topic, data)
    fields = [f"{name} {value[name]!r}, not {there[name]!r}" for name in value if value[name] != there[name]]
    return f"{topic}: the core gives {'; '.join(fields) or 'other bytes of the same value'}"


def _states(
    topics: Topics, lives: dict[tuple[int, bytes | None], Life], broken: set[tuple[int, bytes | None]]
) -> Iterator[Violation]:
    """What a restart would read is what the replay has come to."""
    kept: dict[tuple[int, bytes | None], Raw] = {(raw.partition, raw.key): raw for raw in topics.of("state")}
    for where, raw in kept.items():
        state = lives[where].state if where in lives else EMPTY
        if where in broken:
            continue
        if raw.value is None:
            if not is_forgettable(state, raw.timestamp):
                yield _differing(where, "the state is a tombstone, and something is left of it")
        elif decode("state", raw.value) != values.plain_state(state):
            yield _differing(where, "the state is not what the inputs came to")
    for where, life in lives.items():
        if where not in kept and life.state != EMPTY:
            yield _differing(where, "there is no state")


def _differing(where: tuple[int, bytes | None], told: str) -> Violation:
    return Violation("STATE_DIFFERS", f"partition {where[0]}, {where[1]!r}", told)
