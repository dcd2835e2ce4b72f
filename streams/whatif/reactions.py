"""What people and partners did in answer to the commands of one incident of the log, and how long after.

A call's key is its round, its contact and its verb; a dispatch's key is its partner. Several with the same key go in
order. All delays are in milliseconds. ``known_for`` is the delay up to which the log says what the other side did: a
call may have been withdrawn, a dispatch cancelled, the incident closed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from streams.escalation.values import (
    CallCommand,
    CallResult,
    Decision,
    DispatchCommand,
    DispatchReport,
    Event,
    Instant,
    Source,
)

CallKey: TypeAlias = tuple[int, str, str, int]  # round, contact, verb, how many of these before
DispatchKey: TypeAlias = tuple[str, int]  # partner, how many dispatches of it before
FOR_GOOD: Final = 1 << 62


class RecordedEvent(NamedTuple):
    """An input of the log, and what was recorded with its decisions."""

    place: int  # in the order of the site's steps
    at: Instant
    event: Event  # a result's ``ended_at`` is by the clock of ``at``
    source: Source
    incidents: tuple[str, ...]  # that it touched
    opened: str | None  # the incident that it opened
    version: str | None  # of that one's procedure
    site_offset: int | None
    handed_over: tuple[str, ...] = ()  # of an operator's action: incidents that were handed over to them


class Reaction(NamedTuple):
    """An input that answers a command, and how long after it."""

    delay: int
    recorded: RecordedEvent


@dataclass(slots=True)
class CallReactions:
    """What came of a call. An answer, and a time-out too, is known for good."""

    issued_at: Instant
    known_for: int = FOR_GOOD
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True)
class DispatchReactions:
    """What came of a dispatch, counted from its first request; after its cancel, counted from there."""

    requested_at: Instant
    known_for: int = FOR_GOOD
    reactions: list[Reaction] = field(default_factory=list)
    cancelled_at: Instant | None = None
    known_after_cancel: int = FOR_GOOD
    after_cancel: list[Reaction] = field(default_factory=list)
    is_over: bool = False  # the partner reported CLOSED: nothing more is to come


class IncidentReactions:
    """The calls and dispatches of one incident of the log. Call the methods in the order of its decisions."""

    def __init__(self) -> None:
        self.calls: dict[CallKey, CallReactions] = {}
        self.dispatches: dict[DispatchKey, DispatchReactions] = {}
        self._by_command: dict[str, CallReactions] = {}
        self._by_dispatch: dict[str, DispatchReactions] = {}
        self._calls_seen: defaultdict[tuple[int, str, str], int] = defaultdict(int)
        self._partners_seen: defaultdict[str, int] = defaultdict(int)
        self._outstanding: CallReactions | None = None
        self._place: tuple[object, ...] = ()  # phase, round, position while it is outstanding

    def take(self, recorded: RecordedEvent) -> bool:
        """Note an input if it answers a command; return whether it does. Before the decisions on it."""
        event, at = recorded.event, recorded.at
        if isinstance(event, CallResult):
            call = self._by_command.get(event.command_id or "") if event.direction == "OUTBOUND" else None
            if call is None:
                return False
            call.reactions.append(Reaction(at - call.issued_at, recorded))
            call.known_for = FOR_GOOD
            if call is self._outstanding:
                self._outstanding = None
            return True
        dispatch = self._by_dispatch.get(event.dispatch_id) if isinstance(event, DispatchReport) else None
        if dispatch is None or not isinstance(event, DispatchReport):
            return False
        dispatch.is_over = dispatch.is_over or event.status == "CLOSED"
        if dispatch.cancelled_at is None:
            dispatch.reactions.append(Reaction(at - dispatch.requested_at, recorded))
        else:
            dispatch.after_cancel.append(Reaction(at - dispatch.cancelled_at, recorded))
        return True

    def decided(self, decision: Decision, commands: list[CallCommand | DispatchCommand]) -> None:
        """Note a decision and the commands that it emitted."""
        place = (decision.phase_to, decision.round, decision.position)
        if self._outstanding is not None and place != self._place:
            if decision.input.kind != "DEADLINE":  # neither answered nor timed out: withdrawn
                self._outstanding.known_for = decision.at - self._outstanding.issued_at
            self._outstanding = None
        for command in commands:
            if isinstance(command, CallCommand):
                if command.action != "CANCEL":
                    self._outstanding, self._place = self._call(command), place
            elif command.action == "CANCEL":
                self._cancel(command)
            elif command.action == "REQUEST" and command.attempt == 1:
                self._request(command)

    def end(self, at: Instant) -> None:
        """Note that the incident was closed, or that the log ends."""
        if self._outstanding is not None:
            self._outstanding.known_for = at - self._outstanding.issued_at
        for dispatch in self.dispatches.values():
            if dispatch.is_over:
                continue
            if dispatch.cancelled_at is None:
                dispatch.known_for = at - dispatch.requested_at
            else:
                dispatch.known_after_cancel = at - dispatch.cancelled_at

    def _call(self, command: CallCommand) -> CallReactions:
        triple = (command.round, command.contact_id, command.action)
        reactions = CallReactions(command.issued_at)
        self.calls[(*triple, self._calls_seen[triple])] = reactions
        self._calls_seen[triple] += 1
        self._by_command[command.command_id] = reactions
        return reactions

    def _request(self, command: DispatchCommand) -> None:
        reactions = DispatchReactions(command.issued_at)
        partner = command.partner_id
        self.dispatches[partner, self._partners_seen[partner]] = reactions
        self._partners_seen[partner] += 1
        self._by_dispatch[command.dispatch_id] = reactions

    def _cancel(self, command: DispatchCommand) -> None:
        dispatch = self._by_dispatch.get(command.dispatch_id)
        if dispatch is not None and dispatch.cancelled_at is None:
            dispatch.cancelled_at = command.issued_at
            if not dispatch.is_over:
                dispatch.known_for = command.issued_at - dispatch.requested_at
