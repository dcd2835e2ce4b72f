"""What a chunk comes to: the records and offsets of one transaction, and what they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from streams.escalation.names import AttentionReason, CallVerb, DispatchVerb, Outcome
from streams.escalation.values import Instant
from streams.message import Headers
from streams.responses import Response

if TYPE_CHECKING:
    from streams.draft import Draft

# Topic on the broker, value, key, partition, no callback (it has two names, and each its place), timestamp (ms),
# headers where there are any: the arguments of `Producer.produce` by place, as keywords cost three times as much.
Record: TypeAlias = (
    tuple[str, bytes | None, bytes, int, None, None, Instant]
    | tuple[str, bytes | None, bytes | None, int, None, None, Instant, Headers]
)


Level: TypeAlias = Literal["info", "warning", "error"]
Fact: TypeAlias = str | int | float | None


class Line(NamedTuple):
    """What the log says of a chunk once it is committed; ``facts`` are ids, places, names of ours and numbers."""

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


@dataclass(slots=True)
class Batch:
    """One transaction.

    Attributes:
        records: state and outputs, in the order they are written.
        next_offsets: (topic on the broker, partition, offset after the last input handled).
        deleted: by (topic on the broker, partition), how many offsets Kafka ever deleted before they were handled;
            committed with the offsets.
        drafts: what becomes the partitions' present once it is committed.
        unusable: by partition, the sites whose state must be set aside, and why. Such a partition has no part
            in the batch: it is restored from the log and its inputs are read again. Without such a site, one has
            become too large to be written.

    """

    records: list[Record] = field(default_factory=list)
    next_offsets: list[tuple[str, int, int]] = field(default_factory=list)
    deleted: dict[tuple[str, int], int] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    unusable: dict[int, dict[str, str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write: only overtaken deadlines were due."""
        return not self.records and not self.next_offsets
