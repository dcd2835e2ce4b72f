"""What a desk keeps of one incident: where it stands, its commands, its records as bytes.

A fold, over records of several topics in any order among these; within a topic they come in the log's order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edges.kafka.lookback import SKEW_MS
from edges.values import Attention, CallCommand, CallResult, Decision, DispatchCommand

_CALLS: Final = frozenset({"CALL", "CONFIRM"})
_CALLING: Final = frozenset({"CALLING", "CONFIRMING"})
# Which inputs an operator must have seen before closing or sending a guard (`CHANGED`).
_NEWS: Final = frozenset({"ALERT", "CALL_RESULT", "OPERATOR_ACTION"})


class Answer(NamedTuple):
    """A result that came to a command."""

    result_id: str
    operator: str | None
    outcome: str
    ended_at: int


class Awaited(NamedTuple):
    """A result or an action that the engine is yet to decide on; ``read_at``: monotonic, in seconds."""

    topic: str
    offset: int
    by: str | None
    read_at: float


class FirstCall(NamedTuple):
    """What is counted of an incident's first call; ``answered_at`` is None while nobody has said what came of it."""

    partition: int
    kinds: tuple[str, ...]
    issued_at: int
    expires_at: int
    answered_at: int | None
    is_withdrawn: bool


class KeptRecord(NamedTuple):
    """A record of the incident: its value as it came."""

    topic: str
    offset: int
    value: bytes


@dataclass(slots=True, eq=False, repr=False)
class Incident:
    """One incident, from its first record to its end.

    Attributes:
        awaited: results and actions that were read before a decision named them, by their id.
        decided: such that a decision has named, and that are still to be read themselves.
        phase: by its last decision; None until the first one is read.
        deadline: when the phase or a pending amend ends; None once closed.
        closed_at: when it was closed; None while it is open.
        set_aside_at: when its site was set aside, where it was open then and no decision followed.
        is_duress: whether somebody spoke under threat.
        expired: the commands whose time ran out by the engine's clock, which may be ahead of ours.
        merged: where the alerts lie that were merged since a command last named the kinds.
        news_version: of the last decision on an alert, a result or an operator's action.
        site_offsets: of the site's records that decisions named, the last one at the end.
        round_offsets: by round, the site's record in force when it began.
        round_sizes: by round, how many contacts it calls; 0: nobody can say any more.
        undelivered: the dispatch commands that did not reach their partner.

    """

    id: str
    site_id: str
    partition: int
    procedure: str | None = None
    procedure_version: str | None = None
    phase: str | None = None
    version: int = 0
    round: int | None = None
    position: int | None = None
    rule: str | None = None
    deadline: int | None = None
    opened_at: int | None = None
    at: int = 0
    closed_at: int | None = None
    set_aside_at: int | None = None
    kinds: tuple[str, ...] = ()
    covert: bool = False
    is_duress: bool = False
    merged: list[tuple[int, int]] = field(default_factory=list)
    news_version: int = 0
    site_offsets: list[int] = field(default_factory=list)
    round_offsets: dict[int, int] = field(default_factory=dict)
    round_sizes: dict[int, int] = field(default_factory=dict)
    calls: dict[str, CallCommand] = field(default_factory=dict)
    last_call: CallCommand | None = None
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    expired: frozenset[str] = frozenset()
    undelivered: frozenset[str] = frozenset()
    attentions: tuple[str, ...] = ()
    last_attention: str | None = None
    kept: list[KeptRecord] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    awaited: dict[str, Awaited] = field(default_factory=dict)
    decided: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether it has begun and not ended, as far as is read."""
        return self.phase is not None and not self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether it was closed, or its site was set aside."""
        return self.phase == "CLOSED" or self.set_aside_at is not None

    @property
    def ended_at(self) -> int | None:
        """When that was."""
        return self.set_aside_at if self.closed_at is None else self.closed_at

    # --- the fold: each returns whether the record was new -----------------------------------------

    def decide(self, decision: Decision) -> bool:
        """Take a decision on it."""
        if decision.version <= self.version:
            return False
        if decision.input.kind == "DEADLINE" and self.phase in _CALLING:
            confirm = "-confirm" if self.phase == "CONFIRMING" else ""
            self.expired |= {f"{self.id}-c{self.round}.{self.position}{confirm}"}
        self.version, self.at, self.rule = decision.version, decision.at, _same(decision.rule)
        self.procedure_version = _same(decision.procedure_version)
        self.phase, self.round, self.position = _same(decision.phase_to), decision.round, decision.position
        self.deadline = decision.deadline
        if decision.version == 1:
            self.opened_at = decision.at
        if decision.phase_to == "CLOSED":
            self.closed_at = decision.at
        if decision.rule == "DURESS":
            self.is_duress = True
        if decision.input.kind in _NEWS:
            self.news_version = decision.version
            if decision.input.id in self.said:
                self.awaited.pop(decision.input.id, None)
            elif decision.input.kind != "ALERT":
                self.decided |= {decision.input.id}
        self._note_merged(decision)
        offset = decision.site_offset
        if offset is not None:
            if offset in self.site_offsets:
                self.site_offsets.remove(offset)
            self.site_offsets.append(offset)
            if decision.round is not None:
                self.round_offsets.setdefault(decision.round, offset)
        return True

    def call(self, call: CallCommand) -> bool:
        """Take a command of `calls`."""
        if call.action == "CANCEL":
            target = call.target_command_id
            if target is None or target in self.withdrawn:
                return False
            self.withdrawn |= {target}
            return True
        if call.command_id in self.calls or call.action not in _CALLS:  # nobody here knows what a newer verb asks for
            return False
        self.calls[call.command_id] = call = self._thrifty(call)
        self.procedure = call.procedure
        self._learn_kinds(call.alert_kinds)
        if self.last_call is None or _order(call) > _order(self.last_call):
            self.last_call = call
        return True

    def dispatch(self, command: DispatchCommand) -> None:
        """Take a command of `dispatches`."""
        self.procedure = command.procedure
        self.covert = self.covert or command.covert
        self.is_duress = self.is_duress or command.reason == "DURESS"
        self._learn_kinds(command.alert_kinds)

    def attend(self, attention: Attention) -> bool:
        """Take an attention of it."""
        if attention.attention_id in self.attentions:
            return False
        self.attentions = (*self.attentions, attention.attention_id)
        if self.last_attention is None or _number(attention.attention_id) > _number(self.last_attention):
            self.last_attention = attention.attention_id
        self.procedure = attention.procedure or self.procedure
        self.covert = self.covert or attention.covert
        self.is_duress = self.is_duress or attention.reason == "DURESS"
        self._learn_kinds(attention.alert_kinds)
        return True

    def answer(self, result: CallResult) -> None:
        """Take a result; those that answer a command are remembered by it, the first one first."""
        self.is_duress = self.is_duress or result.outcome == "DURESS_CODE"  # before the engine has decided on it, too
        command_id = result.command_id
        if command_id is None or result.direction != "OUTBOUND":
            return
        if incident_of(command_id) != self.id or (result.incident_id or self.id) != self.id:
            return
        known = self.answers.get(command_id, ())
        if any(answer.result_id == result.result_id for answer in known):
            return
        answer = Answer(result.result_id, _same(result.operator), sys.intern(result.outcome), result.ended_at)
        self.answers[command_id] = (*known, answer)

    def move(self, partition: int) -> None:
        """Be on its decisions' partition: what it began with was misplaced, and no answer of it."""
        self.partition, self.is_duress = partition, False
        self.awaited.clear()
        self.answers.clear()

    def keep(
        self, topic: str, offset: int, value: bytes, said_id: str | None = None, awaited: Awaited | None = None
    ) -> None:
        """Keep a record of it; of what people say again under the same id, the first one."""
        if said_id is not None:
            if said_id in self.said:
                if awaited is not None and said_id in self.awaited:  # a dead letter, perhaps, that was put back
                    self.awaited[said_id] = awaited._replace(read_at=self.awaited[said_id].read_at)
                return
            self.said.add(said_id)
            if said_id in self.decided:
                self.decided -= {said_id}
            elif awaited is not None:
                self.awaited[said_id] = awaited
        self.kept.append(KeptRecord(topic, offset, value))

    def learn_kind(self, kind: str) -> None:
        """Take the kind of an alert that was merged."""
        if kind not in self.kinds:
            self.kinds = (*self.kinds, kind)

    def _thrifty(self, call: CallCommand) -> CallCommand:
        """The same command, in less memory."""
        return call._replace(
            action=sys.intern(call.action),
            incident_id=self.id,
            site_id=self.site_id if call.site_id == self.site_id else call.site_id,
            procedure=sys.intern(call.procedure),
            language=_same(call.language),
            alert_kinds=self.kinds if call.alert_kinds == self.kinds else tuple(map(sys.intern, call.alert_kinds)),
        )

    def _note_merged(self, decision: Decision) -> None:
        source = decision.input
        if any(not output.endswith("-cancel") for output in decision.outputs):
            self.merged = []  # its commands name the kinds of all alerts so far; a cancel repeats those of its command
        elif source.kind == "ALERT" and source.partition is not None and source.offset is not None:
            self.merged.append((source.partition, source.offset))

    def _learn_kinds(self, kinds: tuple[str, ...]) -> None:
        if len(kinds) > len(self.kinds):
            self.kinds = kinds

    # --- what follows ----------------------------------------------------------------------------

    def is_over(self, call: CallCommand, now: int) -> bool:
        """Whether a command is answered, withdrawn, expired, or replaced by the next one."""
        return (
            call.command_id in self.answers
            or call.command_id in self.withdrawn
            or call.command_id in self.expired
            or now >= call.expires_at
            or self.has_ended
            or (self.last_call is not None and self.last_call is not call)
        )

    def was_open(self, at: int) -> bool:
        """Whether it had begun and not ended by the time of a record, as far as is read."""
        has_begun = self.opened_at is None or self.opened_at <= at + SKEW_MS
        return has_begun and (self.ended_at is None or at <= self.ended_at)

    def is_answered_by(self, command_id: str, operator: str) -> bool:
        """Whether this operator has said what came of the command."""
        return any(answer.operator == operator for answer in self.answers.get(command_id, ()))

    def news(self, is_awaited: Callable[[Awaited], bool]) -> int:
        """The version of the last news; of what is yet to be decided on, what it will have at least."""
        coming = sum(map(is_awaited, self.awaited.values()))
        return self.version + coming if coming else self.news_version

    @property
    def first_call(self) -> FirstCall | None:
        """Its first call, once it is read."""
        call = self.calls.get(first_call_of(self.id))
        if call is None:
            return None
        answers = self.answers.get(call.command_id, ())
        return FirstCall(
            self.partition,
            call.alert_kinds,
            call.issued_at,
            call.expires_at,
            answers[0].ended_at if answers else None,
            call.command_id in self.withdrawn,
        )

    @property
    def is_fire(self) -> bool:
        """Whether the procedure is that of fire; before a command is read, by the name of its version."""
        return self.procedure == "FIRE" or (self.procedure_version or "").startswith("fire/")

    @property
    def needs_supervisor(self) -> bool:
        """Whether only a supervisor may close it."""
        return self.is_duress or "HOLD_UP" in self.kinds


def incident_of(identifier: str) -> str:
    """The incident's id that a command's, an attention's or a dispatch's id begins with (procedure.md §7)."""
    return identifier.partition("-")[0]


def first_call_of(incident_id: str) -> str:
    """The id of an incident's first call."""
    return f"{incident_id}-c1.1"


def _order(call: CallCommand) -> tuple[int, int, bool]:
    return call.round, call.position, call.action == "CONFIRM"


def _number(attention_id: str) -> int:
    number = attention_id.rpartition("-t")[2]
    return int(number) if number.isdecimal() else 0


def _same(text: str | None) -> str | None:
    """One object for what very many incidents have alike."""
    return None if text is None else sys.intern(text)
