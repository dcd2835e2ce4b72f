"""What a run left on the topics, decoded once: decisions, their outputs, quarantine, dead letters."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.records import NAMED_TOPICS, TIMES, Place, Raw, Topics, Value, decode


class Violation(NamedTuple):
    """A promise that was broken: which, where, and what is there instead."""

    name: str
    where: str
    told: str

    def __str__(self) -> str:
        return f"{self.name} {self.where}: {self.told}"


class Told(NamedTuple):
    """A record and its value."""

    raw: Raw
    value: Value


class DeadLetter(NamedTuple):
    """A dead letter, what it says of itself, and the headers that came with the record."""

    raw: Raw
    place: Place
    reason: str
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(slots=True)
class Evidence:
    """The outputs of a run. ``outputs`` are those that decisions name, by their id, each as often as it is there."""

    topics: Topics
    decisions: list[Told] = field(default_factory=list)
    outputs: defaultdict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    quarantined: list[Told] = field(default_factory=list)
    readiness: list[Raw] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def by_place(self) -> dict[Place, list[Told]]:
        """The decisions of each input, in order; deadlines have no place."""
        found: defaultdict[Place, list[Told]] = defaultdict(list)
        for decision in self.decisions:
            place = place_of(decision.value)
            if place is not None:
                found[place].append(decision)
        return found

    def set_aside(self) -> dict[tuple[int, bytes | None], list[DeadLetter]]:
        """The state records that were set aside, by partition and key."""
        found: defaultdict[tuple[int, bytes | None], list[DeadLetter]] = defaultdict(list)
        for dead in self.dead:
            if dead.place[0] == "state":
                found[dead.raw.partition, dead.raw.key].append(dead)
        return found


def place_of(decision: Value) -> Place | None:
    """Where a decision's input lies; None for a deadline."""
    given = decision["input"]
    return None if given["topic"] is None else (given["topic"], given["partition"], given["offset"])


def gather(topics: Topics) -> Evidence:
    """Decode the outputs; what does not decode, or says another time than its record's, is a violation."""
    evidence = Evidence(topics)
    for topic in ("decisions", "quarantine", *NAMED_TOPICS):
        for raw in topics.of(topic):
            told = _told(raw, evidence.violations)
            if told is None:
                continue
            if topic == "decisions":
                evidence.decisions.append(told)
            elif topic == "quarantine":
                evidence.quarantined.append(told)
            else:
                evidence.outputs[told.value[NAMED_TOPICS[topic]]].append(told)
    for raw in topics.of("readiness"):
        if raw.value is not None:
            _told(raw, evidence.violations)
        evidence.readiness.append(raw)
    evidence.dead = [_dead(raw) for raw in topics.of("dead-letters")]
    return evidence


def _told(raw: Raw, violations: list[Violation]) -> Told | None:
    where = f"{raw.topic} {raw.partition}/{raw.offset}"
    try:
        value = decode(raw.topic, raw.value or b"")
    except Exception as error:  # noqa: BLE001 - any error that fastavro raises for bytes that are none
        violations.append(Violation("UNDECODABLE_OUTPUT", where, f"it does not decode: {type(error).__name__}"))
        return None
    if value[TIMES[raw.topic]] != raw.timestamp:
        told = f"its record's time is {raw.timestamp}, its own {value[TIMES[raw.topic]]}"
        violations.append(Violation("TIME_DIFFERS", where, told))
    if value["site_id"].encode() != raw.key:
        violations.append(Violation("KEY_DIFFERS", where, "its key is not its site's id"))
    return Told(raw, value)


def _dead(raw: Raw) -> DeadLetter:
    told = {name: (value or b"").decode() for name, value in raw.headers if name.startswith("dlq.")}
    place = (told["dlq.topic"], int(told["dlq.partition"]), int(told["dlq.offset"]))
    own = tuple(header for header in raw.headers if not header[0].startswith("dlq."))
    return DeadLetter(raw, place, told["dlq.reason"], own)
