"""Calls that operators should have taken: neither held nor answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from edges.values import CallCommand, Claim
from edges.watchdog.findings import Finding
from schemas.contract.holds import Holds

# A desk is in use for so long after a person's last claim; `claims` keeps it.
DESK_USED_MS: Final = 7 * 24 * 3600 * 1000
# An answer that was read before its call.
_ANSWER_KEPT_MS: Final = 10 * 60 * 1000


class _Waiting(NamedTuple):
    command: CallCommand
    since: int


class Calls:
    """The outstanding calls of one partition.

    Times of holds are the broker's. All others are monotonic, in ms, so that no jump of the clock hides a call; ``now``
    is the wall clock's, by which the engine's commands expire.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._waiting: dict[str, _Waiting] = {}
        self._late: set[str] = set()
        self._answered: dict[str, int] = {}
        self._holds = Holds()
        self._held: dict[str, int] = {}  # when its seconds have really passed since its last claim was read: monotonic
        self._read_at = 0  # when the last claim was read: monotonic
        self.person_at = 0  # when a person last claimed anything, by the broker's clock

    @property
    def kept(self) -> int:
        """How much is remembered."""
        return len(self._waiting) + len(self._answered) + len(self._held)

    def command(self, command: CallCommand, now: int, monotonic: int) -> None:
        """Take a command to call, to go on with a call, or to withdraw either."""
        if command.action == "CANCEL":
            self._end(command.target_command_id)
        elif command.expires_at > now and command.command_id not in self._answered:
            self._waiting[command.command_id] = _Waiting(command, monotonic)

    def answer(self, command_id: str | None, monotonic: int) -> None:
        """Take the result of a call."""
        if command_id is not None and not self._end(command_id):
            self._answered[command_id] = monotonic

    def claim(self, claim: Claim, timestamp: int, monotonic: int) -> None:
        """Take a claim, ``timestamp`` the broker's."""
        self._read_at = monotonic
        self._holds.advance(timestamp)
        was_held = self._holds.holder(claim.subject) is not None
        hold = self._holds.apply(claim.subject, claim.by, claim.action, claim.seconds, timestamp)
        if claim.who == "PERSON":
            self.person_at = max(self.person_at, timestamp)
        waiting = self._waiting.get(claim.subject)
        if waiting is not None and (was_held or hold is not None):  # to renew what nobody holds holds nothing
            self._waiting[claim.subject] = waiting._replace(since=monotonic)
        if hold is not None:
            self._held[claim.subject] = monotonic + hold.until - self._holds.time
            self._late.discard(claim.subject)

    def holder(self, subject: str) -> str | None:
        """Who holds a subject at the time of the last claim, as all readers have it."""
        held = self._holds.holder(subject)
        return None if held is None else held.by

    def advance(self, monotonic: int) -> None:
        """Let time pass: holds end. The time of `claims` passes while the partition is quiet."""
        # Where the broker's clock was set back, its records end no hold: the seconds pass all the same.
        self._held = {
            subject: end
            for subject, end in self._held.items()
            if end > monotonic and self._holds.holder(subject) is not None
        }
        quiet_at = self._holds.time + monotonic - self._read_at
        for subject in self._held.keys() & self._waiting.keys():
            if self._holds.holder(subject, quiet_at) is not None:
                self._waiting[subject] = self._waiting[subject]._replace(since=monotonic)
        for command_id in [name for name, at in self._answered.items() if at < monotonic - _ANSWER_KEPT_MS]:
            del self._answered[command_id]

    def expire(self, now: int) -> None:
        """Forget the calls that have expired."""
        for command_id in [name for name, waiting in self._waiting.items() if waiting.command.expires_at <= now]:
            self._end(command_id)

    def judge(self, monotonic: int, limit: int) -> None:
        """Call late what nobody has held for so long."""
        self._late |= {name for name, waiting in self._waiting.items() if waiting.since + limit <= monotonic}

    def late(self, ahead: int) -> Iterator[Finding]:
        """The calls that nobody takes; ``ahead``: by how much the wall clock is ahead of the monotonic one."""
        for command_id in self._late:
            waiting = self._waiting[command_id]
            yield Finding(command_id, waiting.since + ahead, self._partition, waiting.command.site_id)

    def _end(self, command_id: str | None) -> bool:
        if command_id is None or self._waiting.pop(command_id, None) is None:
            return False
        self._late.discard(command_id)
        return True
