"""The core's result of a step, compared with the decisions in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from streams.escalation.state import SiteState
from streams.escalation.step import Step
from streams.escalation.values import CallResult, Decision, Event, Quarantined
from streams.formats.validation import DeadLetterCause
from streams.kafka.reading import LogRecord
from streams.replay.comparison import Comparison, Mismatch, What
from streams.replay.material import Material
from streams.replay.step import Knowledge, RecordedStep, decide_again
from streams.replay.versions import SiteVersions
from streams.runtime.clock import partition_time

# Fields whose difference leaves open whether the core's state is the recorded one.
_TELLING: Final[frozenset[What]] = frozenset({"FIELD", "MISSING", "UNEXPECTED"})


class Differing(NamedTuple):
    """What differs in a decision; ``record`` None: the log lacks it."""

    record: LogRecord | None
    decision: Decision
    mismatch: Mismatch


class Outcome(NamedTuple):
    """The core's result of a step (None: none), and its differences from the log."""

    step: Step | None
    differing: list[Differing]

    @property
    def is_other(self) -> bool:
        """Whether the log has another decision."""
        return self.step is None or any(one.mismatch.what in _TELLING for one in self.differing)


class Outcomes:
    """Computes the outcomes of one site."""

    def __init__(
        self, material: Material, versions: SiteVersions, knowledge: Knowledge, comparison: Comparison
    ) -> None:
        self._material = material
        self._versions = versions
        self._knowledge = knowledge
        self._comparison = comparison

    def of(self, decided: RecordedStep, state: SiteState) -> Outcome:
        """Return the core's result under the site record named; if the name has two readings, the one that fits."""
        event = self._event(decided)
        if isinstance(event, Mismatch):
            return _nothing(decided, event)
        explanations = self._versions.explanations(decided.site_offset)
        if isinstance(explanations, str):
            return _nothing(decided, Mismatch("REPLACED" if explanations == "REPLACED" else "NO_SITE_RECORD"))
        tried: list[Outcome] = []
        for in_force in explanations:
            step = decide_again(decided, state, in_force, event, self._knowledge.procedures)
            if isinstance(step, Mismatch):
                tried.append(_nothing(decided, step))
                continue
            tried.append(Outcome(step, list(self._differing(decided, step))))
            if not tried[-1].is_other:
                return tried[-1]
        return tried[0]

    def _event(self, decided: RecordedStep) -> Event | Mismatch | None:
        """The input of a step; None for a deadline."""
        place = decided.place
        if place is None:
            return None
        record = self._material.inputs.get(place)
        if record is None or decided.cause.partition != record.partition:
            return Mismatch("NO_INPUT")
        if place in self._material.handled:
            return Mismatch("TWICE")
        self._material.handled.add(place)
        event = self._material.event(record)
        if isinstance(event, DeadLetterCause):
            return Mismatch("REFUSED", "reason", None, event.reason)
        if decided.ahead_ms and isinstance(event, CallResult):
            ended_at = partition_time(event.ended_at, decided.at, decided.ahead_ms, record.timestamp)
            return event._replace(ended_at=ended_at)
        return event

    def _differing(self, decided: RecordedStep, step: Step) -> Iterator[Differing]:
        """Compare the decisions of a step with the recorded ones: one by one, or by their ids if the numbers differ."""
        for output in step.outputs:
            if isinstance(output.value, Quarantined):
                wrong = Mismatch("UNEXPECTED", "quarantine", None, output.value.reason)
                yield Differing(decided.records[0], decided.decisions[0], wrong)
                return
        replayed = [output.value for output in step.outputs if isinstance(output.value, Decision)]
        if len(replayed) != len(decided.decisions):
            yield from self._differing_by_id(decided, {one.decision_id: one for one in replayed})
            return
        for record, recorded_one, value in zip(decided.records, decided.decisions, replayed, strict=True):
            for mismatch in self._comparison.mismatches(record, "decisions", value, decided.at):
                yield Differing(record, recorded_one, mismatch)

    def _differing_by_id(self, decided: RecordedStep, replayed: dict[str, Decision]) -> Iterator[Differing]:
        recorded = {one.decision_id for one in decided.decisions}
        yield from (Differing(None, one, Mismatch("MISSING")) for name, one in replayed.items() if name not in recorded)
        seen: set[str] = set()
        for record, decision in zip(decided.records, decided.decisions, strict=True):
            name = decision.decision_id
            if name in seen:
                yield Differing(record, decision, Mismatch("TWICE"))
            elif name not in replayed:
                yield Differing(record, decision, Mismatch("UNEXPECTED"))
            else:
                for mismatch in self._comparison.mismatches(record, "decisions", replayed[name], decided.at):
                    yield Differing(record, decision, mismatch)
            seen.add(name)


def _nothing(decided: RecordedStep, mismatch: Mismatch) -> Outcome:
    """The core has no step for it."""
    return Outcome(None, [Differing(decided.records[0], decided.decisions[0], mismatch)])
