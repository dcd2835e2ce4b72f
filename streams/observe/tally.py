"""What came of a chunk, counted once its transaction is committed, and the lines its log gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from streams.escalation.names import AttentionReason, CallVerb, DispatchVerb, Outcome
from streams.escalation.values import Instant
from streams.observe.responses import Response

Level: TypeAlias = Literal["info", "warning", "error"]


Fact: TypeAlias = str | int | float | None


class Line(NamedTuple):
    """What the log says of a chunk once it is committed; ``facts`` are ids, places, our own names and numbers."""

    level: Level
    event: str
    facts: Mapping[str, Fact]


@dataclass(slots=True)
class Tally:
    """What came of a chunk, counted once its transaction is committed; topics without prefix."""

    taken: Counter[tuple[str, int]] = field(default_factory=Counter)  # topic, partition
    decided: Counter[tuple[str, int]] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, int]] = field(default_factory=Counter)
    published: Counter[tuple[str, int]] = field(default_factory=Counter)
    dead_lettered: Counter[tuple[str, int, str]] = field(default_factory=Counter)  # and the reason
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)  # rule, version of the procedure
    quarantines: Counter[str] = field(default_factory=Counter)  # reason
    attentions: Counter[tuple[AttentionReason, bool]] = field(default_factory=Counter)  # and whether it is a repeat
    calls: Counter[CallVerb] = field(default_factory=Counter)  # commands
    results: Counter[Outcome] = field(default_factory=Counter)
    unanswered_calls: int = 0
    dispatches: Counter[tuple[str, DispatchVerb]] = field(default_factory=Counter)  # partner, command
    responses: list[Response] = field(default_factory=list)
    silences: Counter[str] = field(default_factory=Counter)  # partner whose time to answer ended
    calling_alerts: list[Instant] = field(default_factory=list)  # Kafka timestamps of alerts that gave calls
    lateness: list[float] = field(default_factory=list)  # seconds, of each deadline handled
    clock_jumps: Counter[int] = field(default_factory=Counter)  # partition
    deadlines_failed: int = 0
    set_aside: int = 0
    lines: list[Line] = field(default_factory=list)

    def tell(self, level: Level, event: str, **facts: Fact) -> None:
        """Have a line logged once it is committed."""
        self.lines.append(Line(level, event, facts))

    def add(self, other: Tally) -> None:
        """Count another partition's part in."""
        self.taken += other.taken
        self.decided += other.decided
        self.quarantined += other.quarantined
        self.published += other.published
        self.dead_lettered += other.dead_lettered
        self.decisions += other.decisions
        self.quarantines += other.quarantines
        self.attentions += other.attentions
        self.calls += other.calls
        self.results += other.results
        self.unanswered_calls += other.unanswered_calls
        self.dispatches += other.dispatches
        self.responses += other.responses
        self.silences += other.silences
        self.calling_alerts += other.calling_alerts
        self.lateness += other.lateness
        self.clock_jumps += other.clock_jumps
        self.deadlines_failed += other.deadlines_failed
        self.set_aside += other.set_aside
        self.lines += other.lines
