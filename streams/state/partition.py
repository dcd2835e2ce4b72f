"""What a worker holds of its partitions: states, site records and the deadlines in them (architecture.md §4).

Encoded records, decoded when touched: a million open incidents must fit. Two threads use it, never at once:
the reader while no chunk is in flight, the event loop while one is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from streams.escalation.names import Phase
from streams.escalation.state import Deadline, DeadlineKind
from streams.escalation.values import Instant
from streams.formats.message import Headers
from streams.kafka.offset_notes import OffsetNotes
from streams.runtime.clock import Clock

SWEEP_MS: Final = 3600 * 1000
# All offsets of a partition are committed so often. Kafka forgets each one that was not for a week
# (`offsets.retention.minutes`) as soon as the group has no members: a quiet topic would be read from its beginning.
RENEW_SECONDS: Final = 3600.0


class ArmedDeadline(NamedTuple):
    """A deadline and whose it is; sorts in the order of procedure.md §7."""

    at: Instant
    incident_id: str
    kind: DeadlineKind
    site_id: str

    @property
    def deadline(self) -> Deadline:
        """As the state that armed it states it."""
        return Deadline(self.at, self.incident_id, self.kind)


class SiteBytes(NamedTuple):
    """A site's record in force: its offset on the ``sites`` topic, and its value as it came.

    One that a restore read is ``checked`` when its site is first touched: if it could not have passed as an
    input, there is none.
    """

    offset: int
    value: bytes
    checked: bool


class Unusable(NamedTuple):
    """Why a state cannot be used: the reason and the error of its dead letter."""

    reason: str
    error: str


class SetAside(NamedTuple):
    """A state record that cannot be used, as the log has it, and why: its site goes on without it."""

    key: bytes
    value: bytes
    headers: Headers
    offset: int
    reason: str  # of the dead letter
    error: str


@dataclass(slots=True)
class Partition:
    """One partition of all topics, restored and held by this worker.

    Attributes:
        deadlines: a heap. An entry may have been overtaken: it counts only if the site's state still arms it.
        memories: a heap of (when, site_id): from then on a site without an open incident may be forgotten.
        first_inputs: by input topic, the offset at which this worker began to read.
        next_inputs: by input topic, the offset after the last input whose transaction is committed.
        waiting: by input topic, the offset up to which inputs waited at the assignment. While it is not
            empty, those go first and no deadline fires (procedure.md §7).
        deleted: by input topic, how many offsets Kafka ever deleted before they were handled.
        failed_sites: the offsets of the site records on which the core failed, as `OffsetNotes` has them.
        replaced_sites: of sites whose record in force is still to pass as an input, the one that has passed before it;
            none where there is none.
        unreadable_sites: those whose last record the restore could not read for want of the schema registry of its day,
            and of which no other has come since.
        passed: by input topic, up to which offset its log was read; behind the next input it may be beyond markers of
            transactions, which no message shows.
        set_aside: state records to be set aside with the partition's next chunk.
        unusable: by site, those of them in which a restore by itself finds nothing wrong.
        swept_at: when forgettable sites were last looked for; 0 before the first time.
        renewed_at: when all its offsets were last committed, or it was restored; monotonic.
        phases: how many open incidents are in each phase.
        state_bytes: what the values of ``states`` take.
        site_bytes: what the values of ``sites`` take.

    """

    number: int
    clock: Clock
    states: dict[str, bytes] = field(default_factory=dict)
    sites: dict[str, SiteBytes] = field(default_factory=dict)
    deadlines: list[ArmedDeadline] = field(default_factory=list)
    memories: list[tuple[Instant, str]] = field(default_factory=list)
    first_inputs: Mapping[str, int] = field(default_factory=dict)
    next_inputs: dict[str, int] = field(init=False)
    waiting: Mapping[str, int] = field(default_factory=dict)
    deleted: Mapping[str, int] = field(default_factory=dict)
    failed_sites: tuple[int, ...] = ()
    replaced_sites: dict[str, SiteBytes] = field(default_factory=dict)
    unreadable_sites: set[str] = field(default_factory=set)
    passed: dict[str, int] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    unusable: Mapping[str, Unusable] = field(default_factory=dict)
    swept_at: Instant = 0
    renewed_at: float = field(init=False)
    phases: Counter[Phase] = field(default_factory=Counter)
    state_bytes: int = 0
    site_bytes: int = 0

    def __post_init__(self) -> None:
        self.next_inputs = dict(self.first_inputs)
        self.renewed_at = time.monotonic()

    def notes(self, topic: str, offset: int) -> OffsetNotes:
        """What is committed beside an input's offset."""
        passed = self.passed.get(topic, 0)
        failed = self.failed_sites if topic == "sites" else ()
        return OffsetNotes(self.deleted.get(topic, 0), passed if passed > offset else 0, failed)

    def arm(self, armed: Iterable[ArmedDeadline]) -> None:
        """Add deadlines."""
        for deadline in armed:
            heappush(self.deadlines, deadline)

    def remember(self, site_id: str, until: Instant) -> None:
        """Note when a site without an open incident may be forgotten."""
        heappush(self.memories, (until, site_id))

    def put_state(self, site_id: str, value: bytes | None) -> None:
        """A site's state from now on; None: nothing is remembered of it."""
        before = self.states.get(site_id)
        if before is not None:
            self.state_bytes -= len(before)
        if value is None:
            self.states.pop(site_id, None)
        else:
            self.states[site_id] = value
            self.state_bytes += len(value)

    def put_site(self, site_id: str, site: SiteBytes | None) -> None:
        """A site's record from now on; None: there is none."""
        before = self.sites.get(site_id)
        if before is not None:
            self.site_bytes -= len(before.value)
        if site is None:
            self.sites.pop(site_id, None)
        else:
            self.sites[site_id] = site
            self.site_bytes += len(site.value)

    def has_due(self, now: Instant) -> bool:
        """Whether a deadline is due; it may have been overtaken."""
        return bool(self.deadlines) and self.deadlines[0].at <= now

    def due(self, now: Instant) -> ArmedDeadline | None:
        """Take the first deadline that is due; it may have been overtaken."""
        return heappop(self.deadlines) if self.has_due(now) else None

    def forgettable(self, now: Instant, most: int) -> list[str]:
        """Take the sites whose memory ends: at the first look, then hourly, not too many at once."""
        if now - self.swept_at < SWEEP_MS:
            return []
        ended: list[str] = []
        while self.memories and self.memories[0][0] <= now:
            if len(ended) == most:
                return ended  # the rest with the next chunk
            ended.append(heappop(self.memories)[1])
        self.swept_at = now
        return ended

    def now(self) -> Instant:
        """The time of this partition now."""
        return self.clock.now(is_armed=bool(self.deadlines))

    def ahead_ms(self) -> int:
        """Milliseconds by which its clock is ahead of the wall clock; below 0: behind it. From any thread."""
        return self.clock.ahead_now(is_armed=bool(self.deadlines))

    def seconds_until(self, instant: Instant) -> float:
        """Seconds until an instant; 0 when it has come."""
        return self.clock.seconds_until(instant, is_armed=bool(self.deadlines))

    def is_due(self) -> bool:
        """Whether a deadline is due now, also while it waits for inputs; it may have been overtaken."""
        return bool(self.deadlines) and self.seconds_until(self.deadlines[0].at) == 0

    def seconds_to_wake(self) -> float | None:
        """Seconds until it has work without any input; None: never."""
        if self.set_aside:
            return 0.0
        wake = self.deadlines[0].at if self.deadlines and not self.waiting else None
        if self.memories:
            sweep = max(self.swept_at + SWEEP_MS, self.memories[0][0])
            wake = sweep if wake is None else min(wake, sweep)
        return None if wake is None else self.seconds_until(wake)

    def seconds_to_renew(self) -> float:
        """Seconds until all its offsets are to be committed again; 0 when they are."""
        return max(0.0, self.renewed_at + RENEW_SECONDS - time.monotonic())

    def heapify(self) -> None:
        """Put the heaps in order after a restore."""
        heapify(self.deadlines)
        heapify(self.memories)


class Store:
    """The partitions that are restored, by number."""

    def __init__(self) -> None:
        self.partitions: dict[int, Partition] = {}

    def seconds_to_wake(self, at_most: float) -> float:
        """Seconds until a partition has work without any input, ``at_most`` at the most."""
        for partition in self.partitions.values():
            at_most = min(at_most, partition.seconds_to_renew())
            wake = partition.seconds_to_wake()
            if wake is not None and wake < at_most:
                at_most = wake
        return at_most
