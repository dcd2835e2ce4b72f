"""One step of a replay: the recorded decisions on one input or deadline, and the core's result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from streams.escalation import step as core
from streams.escalation.names import ProcedureName
from streams.escalation.procedures import DEFAULTS, Procedure, Procedures
from streams.escalation.state import SiteState
from streams.escalation.step import Step
from streams.escalation.values import Alert, Decision, Event, InputRef, Instant, Quarantined, Source
from streams.kafka.reading import LogRecord
from streams.replay.comparison import Mismatch
from streams.replay.versions import InForce
from streams.runtime.clock import AHEAD_HEADER

_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
KnownProcedures: TypeAlias = Mapping[tuple[ProcedureName, str], Procedure]


class Knowledge(NamedTuple):
    """The facts of a replay that are not in the records.

    ``procedures`` are all versions that incidents may have begun with, ``begins`` the first offset that is still in
    the log of each input topic.
    """

    procedures: KnownProcedures
    begins: Mapping[str, int]

    def knows(self, version: str | None) -> bool:
        """Whether an incident of this version can be opened again."""
        return version is None or any(known == version for _, known in self.procedures)

    def is_gone(self, topic: str, offset: int) -> bool:
        """Whether an input was deleted from its log."""
        return offset < self.begins.get(topic, 0)


class RecordedStep(NamedTuple):
    """The decisions on one input, one for each incident it touched, with their records; or the one on a deadline."""

    records: list[LogRecord]
    decisions: list[Decision]

    @property
    def cause(self) -> InputRef:
        """The input."""
        return self.decisions[0].input

    @property
    def at(self) -> Instant:
        """When it was handled."""
        return self.decisions[0].at

    @property
    def ahead_ms(self) -> int:
        """How far its partition's clock was ahead of the wall clock (below 0: behind it), if the decision states it."""
        stated = dict(self.records[0].headers).get(AHEAD_HEADER) or b""
        text = stated.decode(errors="replace") if isinstance(stated, bytes) else stated
        return int(text) if _MILLISECONDS.fullmatch(text) else 0

    @property
    def site_offset(self) -> int | None:
        """The site record that it names."""
        return self.decisions[0].site_offset

    @property
    def opened_under(self) -> str | None:
        """The version of the procedure of the incident that it opened."""
        return next((one.procedure_version for one in self.decisions if one.version == 1), None)

    @property
    def place(self) -> tuple[str, int] | None:
        """Topic and offset of the input; None for a deadline."""
        _, _, topic, _, offset = self.cause
        return None if topic is None or offset is None else (topic, offset)


def steps(decided: Iterable[tuple[LogRecord, Decision]]) -> Iterator[RecordedStep]:
    """Group adjacent decisions on the same input; two deadlines of an incident are two steps."""
    step: RecordedStep | None = None
    for record, decision in decided:
        if step is not None and decision.input.topic is not None and decision.input == step.cause:
            step.records.append(record)
            step.decisions.append(decision)
            continue
        if step is not None:
            yield step
        step = RecordedStep([record], [decision])
    if step is not None:
        yield step


def decide_again(
    decided: RecordedStep, state: SiteState, in_force: InForce, event: Event | None, known: KnownProcedures
) -> Step | Mismatch:
    """Run the core on the same input (``event``; None: a deadline) at the same time; a mismatch if there is no step."""
    state = state._replace(last_record=in_force.last if state.incidents else None)
    now = decided.at
    try:
        if event is not None:
            procedures = procedures_of(decided.opened_under, known)
            return core.on_event(state, in_force.record, event, decided.cause.source, now, procedures)
        armed = [deadline for deadline in state.deadlines() if deadline.incident_id == decided.cause.id]
        if not armed:
            return Mismatch("NOT_ARMED")
        deadline = min(armed)
        if deadline.at > now:
            return Mismatch("EARLY", "at", now, deadline.at)
        has_failed = decided.decisions[0].rule == "FAILED"
        fire = core.on_failed_deadline if has_failed else core.on_deadline
        return fire(decided.decisions[0].site_id, state, in_force.record, deadline, now)
    except Exception as error:  # noqa: BLE001  # any failure is a mismatch: the core did not fail when this was decided
        return Mismatch("RAISED", "exception", None, type(error).__name__)


def quarantine_again(
    state: SiteState, in_force: InForce, alert: Alert, source: Source, now: Instant
) -> Quarantined | str:
    """Run the core on a quarantined alert; return the rule or the exception if it does not quarantine it."""
    state = state._replace(last_record=in_force.last if state.incidents else None)
    try:
        last = core.on_event(state, in_force.record, alert, source, now, DEFAULTS).outputs[-1].value
    except Exception as error:  # noqa: BLE001  # as above
        return type(error).__name__
    if isinstance(last, Quarantined):
        return last
    assert isinstance(last, Decision), "an input ends in a quarantine record or in decisions"
    return last.rule


def procedures_of(version: str | None, known: KnownProcedures) -> Procedures:
    """Return the procedures under which an incident of this version begins; the shipped ones if none begins."""
    if version is None:
        return DEFAULTS
    return {name: known.get((name, version), procedure) for name, procedure in DEFAULTS.items()}
