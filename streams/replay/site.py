"""One site's part of a replay: the core's state after each step, if it is known."""

from __future__ import annotations

from collections import deque

from schemas.avro.errors import Undecodable
from streams.escalation.state import EMPTY, MEMORY_MS, SiteState
from streams.escalation.step import set_aside_attention
from streams.escalation.values import Instant, Source
from streams.formats.topic_values import shipped
from streams.kafka.dead_letters import Letter
from streams.replay.material import Material
from streams.replay.outcome import Outcomes
from streams.replay.quarantine import QuarantineReplay
from streams.replay.step import Knowledge, RecordedStep
from streams.replay.verdict import DIFFERED, NO_BEGINNING, NO_INPUT, NO_MEMORY, NO_PROCEDURE, NO_SITE, VerdictBuilder


class SiteReplay:
    """A site; its steps are passed in the order of the decisions.

    ``horizon`` is the time from which on the log has decisions, if earlier ones are deleted.
    """

    def __init__(
        self, site_id: str, material: Material, report: VerdictBuilder, knowledge: Knowledge, horizon: Instant | None
    ) -> None:
        self._site_id = site_id
        self._material = material
        self._report = report
        self._knowledge = knowledge
        self._versions = material.versions[site_id]
        self._outcomes = Outcomes(material, self._versions, knowledge, report.comparison)
        self._quarantine = QuarantineReplay(site_id, material, report, knowledge)
        letters = material.set_aside.get(site_id, ())
        self._set_aside = deque(letter for letter in letters if horizon is None or letter.at >= horizon)
        self._state: SiteState = EMPTY
        self._open: set[str] = set()  # by the log's decisions
        self._at: Instant = 0  # of the last step
        self._is_truncated = horizon is not None
        self._remembers_from: Instant = 0 if horizon is None else horizon + MEMORY_MS  # all that it should
        self._lost_for: str | None = None  # why its state is not known; None: it is
        self._is_doubtful = False  # the last step differed

    def decide(self, decided: RecordedStep) -> None:
        """Replay the site's next step."""
        while self._set_aside and self._set_aside[0].at <= decided.at:
            self._forget(self._set_aside.popleft())
        self._regain()
        self._quarantine.before(decided, self._known_state)
        reason, version = self._obstacle(decided)
        if reason is None:
            self._replay(decided)
        else:
            self.lose(reason)
            self._pass_by(decided, reason, version)
        for decision in decided.decisions:
            if decision.incident_id is not None:
                change = self._open.discard if decision.phase_to == "CLOSED" else self._open.add
                change(decision.incident_id)
        self._at = decided.at

    def finish(self) -> None:
        """Report the rest after the last step."""
        while self._set_aside:
            self._forget(self._set_aside.popleft())
        self._regain()
        self._quarantine.until(None, self._known_state)

    def lose(self, reason: str) -> None:
        """Mark the state as unknown from here on."""
        self._lost_for = self._lost_for or reason

    # --- whether the state is known -----------------------------------------------------------------

    @property
    def _known_state(self) -> SiteState | str:
        """Return the state, or why it is not known."""
        return self._lost_for or self._state

    def _regain(self) -> None:
        """With no open incident, the state is known again, except for its memory."""
        if self._lost_for is not None and not self._open:
            self._begin_empty()
            self._remembers_from = self._at + MEMORY_MS

    def _begin_empty(self) -> None:
        self._state = EMPTY
        self._lost_for = None
        self._is_doubtful = False

    def _forget(self, state: Letter) -> None:
        """Treat the state as set aside: no incident, no memory, and an attention."""
        self._quarantine.until(state.at - 1, self._known_state)
        self._begin_empty()
        self._open.clear()
        self._remembers_from = 0
        try:
            lost = shipped().decode_state(state.value or b"")
        except Undecodable:
            lost = None
        attention = set_aside_attention(self._site_id, lost, Source("state", state.partition, state.offset), state.at)
        self._report.command("attention", attention, None, self._material.commands, state.at)

    def _obstacle(self, decided: RecordedStep) -> tuple[str | None, str | None]:
        """Return why a step cannot be replayed, and the unknown version; (None, None): it can."""
        if self._lost_for is not None:
            return self._lost_for, None
        if self._is_truncated and any(
            one.version > 1 and one.incident_id not in self._open for one in decided.decisions
        ):
            return NO_BEGINNING, None
        place = decided.place
        if place is not None and place not in self._material.inputs and self._knowledge.is_gone(*place):
            return NO_INPUT, None
        if self._versions.explanations(decided.site_offset) == "GONE":
            return NO_SITE, None
        if not self._knowledge.knows(decided.opened_under):
            return NO_PROCEDURE, decided.opened_under
        return None, None

    def _pass_by(self, decided: RecordedStep, reason: str, version: str | None = None) -> None:
        for decision in decided.decisions:
            self._report.unchecked(self._site_id, decision.decision_id, reason, version)
        self._leave_commands(decided)
        if decided.place is not None:
            self._material.handled.add(decided.place)

    def _leave_commands(self, decided: RecordedStep) -> None:
        """Drop the commands of these decisions from those left over."""
        for decision in decided.decisions:
            for name in decision.outputs:
                self._material.commands.pop(name, None)

    # --- a step -------------------------------------------------------------------------------------

    def _replay(self, decided: RecordedStep) -> None:
        outcome = self._outcomes.of(decided, self._state)
        if outcome.is_other and self._may_repeat_the_unknown(decided):
            self._pass_by(decided, NO_MEMORY)
            return
        if outcome.is_other and self._is_doubtful:
            self.lose(DIFFERED)
            self._pass_by(decided, DIFFERED)
            return
        self._is_doubtful = outcome.is_other
        self._report.verdict.decisions += len(decided.decisions)
        for record, decision, mismatch in outcome.differing:
            name = decision.decision_id
            if record is None:
                self._report.missing(self._site_id, name, "decisions", name)
            else:
                self._report.differ(self._site_id, name, record, name, mismatch)
        if outcome.step is not None:
            self._state = outcome.step.state
            self._versions.name(decided.site_offset)
        if outcome.step is not None and not outcome.is_other:
            self._report.commands(outcome.step.outputs, self._material.commands, decided.at)
        else:
            self._leave_commands(decided)

    def _may_repeat_the_unknown(self, decided: RecordedStep) -> bool:
        """Whether it is a repeated alert or action whose first occurrence may precede the log."""
        decision = decided.decisions[0]
        is_repeat = decision.rule in {"DUPLICATE_ALERT", "DUPLICATE_INPUT"} and decision.incident_id is None
        return is_repeat and decided.at < self._remembers_from
