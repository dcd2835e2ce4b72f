"""The judge: records and a clock in, findings out. No I/O, no clock of its own.

It judges a partition only while that is read to its end, so a Kafka that is away makes nothing else look wrong; and
gives the engine the full time of a limit after the watchdog's start, an outage, or a jump of its own clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from edges.values import Attention, CallCommand, CallResult, Claim, Decision, InputRef, Quarantined, Source
from edges.watchdog.calls import DESK_USED_MS, Calls
from edges.watchdog.ends import Ends
from edges.watchdog.findings import Finding, Kind, Report, Summary, summary
from edges.watchdog.incidents import Incidents
from edges.watchdog.inputs import InputLog
from schemas.contract.topics import Log

INPUTS: Final = ("alerts", "call-results", "dispatch-reports", "operator-actions")
OUTPUTS: Final = ("calls", "dispatches", "attention", "decisions", "readiness", "quarantine", "dead-letters")
TOPICS: Final = (*INPUTS, *OUTPUTS, "claims")
READ: Final = tuple(topic for topic in TOPICS if topic not in {"dispatches", "readiness"})  # of these the ends suffice
CURRENT_SECONDS: Final = 5.0  # a partition that is read to an end so old is judged
_INPUT_KEPT_MS: Final = 24 * 3600 * 1000
_JUMP_MS: Final = 2000


class Limits(NamedTuple):
    """After how many milliseconds a finding is one. ``is_desk_used``: None: where a person has claimed anything."""

    deadline: int
    input: int = 45_000
    call: int = 45_000
    blocked: int = 15_000
    kafka: int = 20_000
    is_desk_used: bool | None = None


class Place(NamedTuple):
    """Where a record lies; ``timestamp`` is Kafka's, ``now`` and ``monotonic`` (ms) when it was read."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    now: int
    monotonic: int


class Judge:
    """Everything the watchdog knows of the engine: what is open, and no more."""

    def __init__(self, partitions: int, limits: Limits, monotonic: int, canary_site: str | None = None) -> None:
        self._limits = limits
        self._canary_site = canary_site
        self._partitions = range(partitions)
        self.incidents = [Incidents(number) for number in self._partitions]
        self.calls = [Calls(number) for number in self._partitions]
        self._inputs = {(topic, number): InputLog((topic, number)) for topic in INPUTS for number in self._partitions}
        self.ends = Ends(((topic, number) for topic in TOPICS for number in self._partitions), monotonic)
        self._current_since: list[int | None] = [None] * partitions
        self._has_begun = [False] * partitions
        self._clocks: tuple[int, int] | None = None
        self.has_jumped = False  # the wall clock, since the look before

    @property
    def kept(self) -> int:
        """How much is remembered: it goes with what is open."""
        return (
            sum(part.kept for part in self.incidents)
            + sum(part.kept for part in self.calls)
            + sum(log.kept for log in self._inputs.values())
        )

    @property
    def has_begun(self) -> bool:
        """Whether every partition was read to its end once."""
        return all(self._has_begun)

    def take(self, place: Place, value: Any) -> None:
        """Take a record: its decoded value, of a dead letter the `Source` of its origin."""
        topic, partition, offset, timestamp, now, monotonic = place
        if topic in INPUTS:
            self._inputs[topic, partition].read(offset, monotonic)
        if isinstance(value, Decision):
            self.incidents[partition].decision(value, now)
            self._end(value.input, monotonic)
        elif isinstance(value, Quarantined):
            self._end(value.input, monotonic)
        elif isinstance(value, Source):
            self._end(value, monotonic)
        elif isinstance(value, Attention) and value.reason == "FAILED" and value.incident_id is None:
            self.incidents[partition].failed(value.site_id, value.raised_at)
        elif isinstance(value, CallCommand) and value.site_id != self._canary_site:
            self.calls[partition].command(value, now, monotonic)
        elif isinstance(value, CallResult):
            self.calls[partition].answer(value.command_id, monotonic)
        elif isinstance(value, Claim):
            self.calls[partition].claim(value, timestamp, monotonic)

    def _end(self, ref: InputRef | Source, monotonic: int) -> None:
        if ref.topic is None or ref.partition is None or ref.offset is None:
            return
        log = self._inputs.get((ref.topic, ref.partition))  # none: `sites`, `state`
        if log is not None:
            log.end(ref.offset, monotonic)

    def judge(self, now: int, monotonic: int, ages: Mapping[Log, float]) -> Report:
        """Return what is wrong now. ``ages``: in seconds, of each log that is read."""
        self._check_clock(now, monotonic)
        oldest = [max(ages[topic, number] for topic in READ) for number in self._partitions]
        for number in self._partitions:
            self.calls[number].advance(monotonic)
            if not self.has_jumped:  # what the clock says for a moment may be wrong, and what is forgotten stays so
                self.calls[number].expire(now)
            self._judge_partition(number, now, monotonic, oldest[number])
        ahead = now - monotonic
        findings = {
            Kind.DEADLINE: (finding for part in self.incidents for finding in part.late()),
            Kind.VERSION: (finding for part in self.incidents for finding in part.gaps()),
            Kind.INPUT: (finding for log in self._inputs.values() for finding in log.overdue(ahead)),
            Kind.CALL: (finding for part in self.calls for finding in part.late(ahead)),
            Kind.BLOCKED: self.ends.blocked(self._limits.blocked, ahead),
            Kind.KAFKA: self._away(now, monotonic, ages),
        }
        return present({kind: summary(listed) for kind, listed in findings.items()})

    def _judge_partition(self, number: int, now: int, monotonic: int, age: float) -> None:
        if age * 1000 > self._limits.kafka:
            self._current_since[number] = None
        if age > CURRENT_SECONDS:
            return
        logs = [self._inputs[topic, number] for topic in INPUTS]
        if not self._has_begun[number]:
            self._has_begun[number] = True
            for log in logs:
                log.begin()
        since = self._current_since[number]
        if since is None:
            since = self._current_since[number] = monotonic
        waited, limits = monotonic - since, self._limits
        if waited >= limits.deadline:
            self.incidents[number].judge(now, limits.deadline)
        for log in logs:
            log.forget(monotonic - _INPUT_KEPT_MS)
            if waited >= limits.input:
                log.judge(monotonic, limits.input)
        if waited >= limits.call and self._is_desk_used(now):
            self.calls[number].judge(monotonic, limits.call)

    def _is_desk_used(self, now: int) -> bool:
        if self._limits.is_desk_used is not None:
            return self._limits.is_desk_used
        return any(part.person_at > now - DESK_USED_MS for part in self.calls)

    def _check_clock(self, now: int, monotonic: int) -> None:
        """Begin again where the wall clock jumped: what passed on it has not passed."""
        self.has_jumped = False
        if self._clocks is not None:
            wall, steady = self._clocks
            self.has_jumped = abs((now - wall) - (monotonic - steady)) > _JUMP_MS
            if self.has_jumped:
                self._current_since = [None] * len(self._partitions)
        self._clocks = (now, monotonic)

    def _away(self, now: int, monotonic: int, ages: Mapping[Log, float]) -> Iterable[Finding]:
        """Logs whose leaders do not answer, or that are not read to their ends any more though nothing blocks."""
        found = self.ends.silent(monotonic, self._limits.kafka, now - monotonic)
        silent = {finding.subject: finding for finding in found}
        return ({finding.subject: finding for finding in self._unread(now, ages)} | silent).values()

    def _unread(self, now: int, ages: Mapping[Log, float]) -> Iterable[Finding]:
        for (topic, number), age in ages.items():
            if (
                self._has_begun[number]
                and age * 1000 > self._limits.kafka
                and not self.ends.is_blocked((topic, number))
            ):
                since = now - int(min(age, 1e9) * 1000)
                yield Finding(f"{topic}-{number}", since, number, detail="it is not read to its end")


def present(summaries: Mapping[Kind, Summary | None]) -> dict[Kind, Summary]:
    """The kinds of which something was found."""
    return {kind: listed for kind, listed in summaries.items() if listed is not None}
