"""The canary: an alarm of its own each minute, from the frame to `RESOLVED`. Pure: records and a clock in.

Its calls are answered whichever alarm they are of, so one that was left behind goes on to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from edges.values import CallCommand, CallResult, Decision
from edges.watchdog.findings import Finding
from edges.watchdog.judge import Place

LAST_NUMBER: Final = 9999
_HANDED_ON: Final = frozenset({"DISPATCHED", "HANDED_OVER"})


@dataclass(slots=True)
class _Round:
    """One alarm: ``stage`` says what it waits for."""

    number: int
    sent_at: int
    stage: str = "the receiver has not acknowledged its frame"
    incident: str | None = None  # the one that its alert opened or joined
    resolved_at: int | None = None
    is_disturbed: bool = False  # what was read was old for a moment, so that it may look late


class Canary:
    """The site's rounds, and the calls that wait for an answer."""

    def __init__(self, site_id: str, account: str, every_ms: int, within_ms: int) -> None:
        self._site_id = site_id
        self._account = account
        self._every_ms = every_ms
        self._within_ms = within_ms
        self._round: _Round | None = None
        self._failed: Finding | None = None
        self._stuck: str | None = None  # an incident that no call ends any more
        self._calls: dict[str, CallCommand] = {}

    def number(self, now: int) -> int:
        """The frame's number in this interval: no other within a week has it."""
        return now // self._every_ms % LAST_NUMBER + 1

    def begin(self, now: int, number: int | None = None) -> None:
        """Begin a round: the frame goes out, by default with this interval's number."""
        self._round = _Round(self.number(now) if number is None else number, now)

    def acknowledge(self) -> None:
        """The receiver has acknowledged the frame."""
        self._reach("the engine has not asked for its call")

    def take(self, place: Place, value: Any) -> None:
        """Take a record of any site."""
        if getattr(value, "site_id", None) != self._site_id:
            return
        if isinstance(value, CallCommand):
            self._command(value)
        elif isinstance(value, CallResult) and value.command_id is not None:
            self._calls.pop(value.command_id, None)
        elif isinstance(value, Decision) and value.incident_id is not None:
            self._decision(value, place.now)

    def calls(self, now: int) -> Iterator[CallCommand]:
        """The calls that wait for an answer."""
        for command_id in [name for name, command in self._calls.items() if command.expires_at <= now]:
            del self._calls[command_id]
        yield from self._calls.values()

    def lose(self, command_id: str, holder: str | None) -> None:
        """Leave a call to who holds it."""
        self._calls.pop(command_id, None)
        self._reach(f"its call is held by {holder}")

    def answer(self, command_id: str) -> None:
        """A call has been answered."""
        self._calls.pop(command_id, None)
        self._reach("the engine has not decided on its answer")

    def disturb(self) -> None:
        """What is read is old: the round under way is no proof that something is wrong."""
        if self._round is not None:
            self._round.is_disturbed = True

    def drop(self) -> bool:
        """Forget the round, as nothing can be known of it; False: there was none under way."""
        is_open = self._round is not None and self._round.resolved_at is None
        self._round = None
        return is_open

    def judge(self, now: int) -> str | None:
        """Close the round when it is resolved or late; ``resolved``, ``failed`` or ``void`` as it does so, once."""
        current = self._round
        if current is None:
            return None
        if current.resolved_at is not None:
            is_late = current.resolved_at - current.sent_at > self._within_ms
        elif now - current.sent_at > self._within_ms:
            is_late = True
        else:
            return None
        self._round = None
        if not is_late:
            self._failed = None
            return "resolved"
        if current.is_disturbed:
            return "void"
        detail = current.stage
        if self._stuck is not None:
            detail = f"incident {self._stuck} is handed over and takes its alarms: close it"
        since = current.sent_at if self._failed is None else self._failed.since
        self._failed = Finding(self._site_id, since, site_id=self._site_id, detail=detail)
        return "failed"

    @property
    def finding(self) -> Finding | None:
        """What the last round that ended found wrong."""
        return self._failed

    @property
    def seconds(self) -> float | None:
        """How long the round took that is resolved and not judged yet."""
        current = self._round
        if current is None or current.resolved_at is None:
            return None
        return (current.resolved_at - current.sent_at) / 1000

    def _reach(self, stage: str) -> None:
        if self._round is not None:
            self._round.stage = stage

    def _command(self, command: CallCommand) -> None:
        if command.action == "CANCEL":
            self._calls.pop(command.target_command_id or "", None)
            return
        self._calls[command.command_id] = command
        self._reach("its call has not been answered")

    def _decision(self, decision: Decision, now: int) -> None:
        current = self._round
        if current is not None and decision.input.kind == "ALERT" and self._is_of(current, decision.input.id):
            current.incident = decision.incident_id
        if decision.phase_to in _HANDED_ON:
            self._stuck = decision.incident_id
        elif decision.phase_to == "CLOSED":
            self._stuck = None
            if current is None or current.incident != decision.incident_id:
                return  # the answer to an alarm before, perhaps: late, and no proof for this one
            if current.resolved_at is None and decision.rule == "RESOLVED":
                current.resolved_at = now

    def _is_of(self, current: _Round, alert_id: str) -> bool:
        """Whether a receiver has made an alert of a round's frame."""
        return alert_id.startswith(f"{self._account}-{current.number:04}-")
