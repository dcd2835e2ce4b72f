"""Read the records that a replay of a site or a partition needs (`streams.replay`).

It reads decisions first, as they name the other records. Of the inputs it reads only the offsets between the first and
the last one named, of the commands and ``quarantine`` only those since the first decision. It takes the ends of
``quarantine`` and ``dead-letters`` before that of ``decisions``, and those of the commands after it: so it reads the
decisions that precede a quarantined alert, and every command that they name, even while workers write. Of ``sites`` it
also keeps records of other sites that lie where one of the site's own is said to be: compaction did not remove it from
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from itertools import chain
from typing import Any, Final, NamedTuple

from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.state import MEMORY_MS
from streams.escalation.values import Decision, Instant
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import LogRecord, Logs, Span
from streams.replay.material import COMMAND_TOPICS, EVENT_TOPICS
from streams.replay.partition import PartitionReplay
from streams.replay.step import KnownProcedures
from streams.replay.verdict import Verdict

NEEDED: Final = (*INPUT_TOPICS, *COMMAND_TOPICS, "decisions", "quarantine", "dead-letters")
_ASIDE: Final = ("quarantine", "dead-letters")


class RecordedDecision(NamedTuple):
    """A decision with its record; ``value`` None: it does not decode."""

    record: LogRecord
    value: Decision | None


class ReplayResult(NamedTuple):
    """The decisions that were replayed, and the verdict."""

    decisions: list[Decision]
    verdict: Verdict

    @property
    def is_empty(self) -> bool:
        """Whether the log has no record to replay."""
        return not self.decisions and not self.verdict.quarantined and not self.verdict.unchecked


class History:
    """Reads and replays. Every method may raise what `Logs` raises."""

    def __init__(self, logs: Logs, recorded: TopicValues, known: KnownProcedures, total: Callable[[int], None]) -> None:
        """``total`` is called with the number of offsets to read, as far as known."""
        self.partitions = logs.require(NEEDED)
        self._logs = logs
        self._recorded = recorded
        self._known = known
        self._total = total
        self._to_read = 0

    def home_of(self, incident_id: str) -> tuple[str, int] | None:
        """Return the site of an incident and the partition it was decided in; None: no decision names it."""
        numbers = range(self.partitions)
        ends = self._logs.offsets.last_stable([("decisions", number) for number in numbers])
        begins = self._logs.offsets.first(ends)
        spans = [
            Span("decisions", number, begins["decisions", number], ends["decisions", number]) for number in numbers
        ]
        self._expect(spans)
        encoded_id = incident_id.encode()
        for span in spans:
            for record in self._logs.read(span):
                if encoded_id in (record.value or b""):
                    decision = self._recorded.or_none(record.topic, record.value)
                    if decision is not None and decision.incident_id == incident_id:
                        return decision.site_id, span.partition
        return None

    def replay(self, number: int, site_id: str | None = None, incident_id: str | None = None) -> ReplayResult:
        """Replay a partition, or one of its sites, or only the part of a site that one incident needs."""
        logs = [(topic, number) for topic in NEEDED]
        begins = self._logs.offsets.first(logs)
        aside = self._logs.offsets.last_stable([(topic, number) for topic in _ASIDE])
        decided_to = self._logs.offsets.settled([("decisions", number)])["decisions", number]
        ends = aside | self._logs.offsets.high_watermarks([(topic, number) for topic in COMMAND_TOPICS])
        sites_to = self._logs.offsets.last_stable([("sites", number)])["sites", number]
        key = None if site_id is None else site_id.encode()

        def read(*spans: Span, named: Set[int | None] = frozenset()) -> Iterator[LogRecord]:
            self._expect(spans)
            for span in spans:
                for record in self._logs.read(span):
                    if key is None or record.key == key or record.offset in named:
                        yield record

        begin = begins["decisions", number]
        decided = [
            RecordedDecision(record, self._recorded.or_none(record.topic, record.value))
            for record in read(Span("decisions", number, begin, decided_to))
        ]
        is_truncated = begin > 0
        if incident_id is not None:
            decided, is_cut = _needed_for(incident_id, decided)
            is_truncated = is_truncated or is_cut
        decisions = [one.value for one in decided if one.value is not None]
        first_inputs = {topic: begins[topic, number] for topic in INPUT_TOPICS}
        replay = PartitionReplay(
            number,
            self.partitions,
            self._known,
            self._recorded,
            first_inputs,
            sites_end=sites_to,
            is_truncated=is_truncated,
        )
        since = decisions[0].at if is_truncated and decisions else None
        until = decisions[-1].at if incident_id is not None and decisions else None
        bounds = begins
        if since is not None:
            # Of `sites`, too, records of long ago are read; that the core failed on one shows in its dead letter alone.
            letters = ("dead-letters", number)
            bounds = {**self._logs.offsets.at(ends, since), letters: begins[letters]}
        quarantined: list[Any] = []
        for record in read(*(Span(*log, bounds[log], end) for log, end in ends.items())):
            if until is not None and record.timestamp > until:
                continue
            replay.take(record)
            if record.topic == "quarantine":
                quarantined.append(self._recorded.or_none(record.topic, record.value))
        places = named_places([*decisions, *quarantined])
        spans = [Span(topic, number, max(low, first_inputs[topic]), high + 1) for topic, (low, high) in places.items()]
        sites = Span("sites", number, first_inputs["sites"], sites_to)
        named = {value.site_offset for value in (*decisions, *quarantined) if value is not None}
        for record in chain(read(sites, named=named), read(*spans)):
            replay.take(record)
        return ReplayResult(decisions, replay.replay(one.record for one in decided))

    def _expect(self, spans: Iterable[Span]) -> None:
        self._to_read += sum(max(span.end - span.begin, 0) for span in spans)
        self._total(self._to_read)


def _needed_for(incident_id: str, decided: list[RecordedDecision]) -> tuple[list[RecordedDecision], bool]:
    """The decisions from which an incident can be replayed, up to its last; and whether earlier ones were left out.

    They begin a day before it (the site's memory), or earlier, at a point where no incident was open. Those of its last
    instant are all there: they may be on the same input, or tell the place of an alert that was quarantined then.
    """
    its_own = [
        place for place, one in enumerate(decided) if one.value is not None and one.value.incident_id == incident_id
    ]
    if not its_own:
        return [], False
    first = its_own[0]
    opened_at = _at(decided[first])
    begin, still_open = 0, set[str]()
    for place, one in enumerate(decided[: first + 1]):
        if not still_open:
            begin = place
        if _at(one) > opened_at - MEMORY_MS:
            break
        if one.value is not None and one.value.incident_id is not None:
            change = still_open.discard if one.value.phase_to == "CLOSED" else still_open.add
            change(one.value.incident_id)
    end = its_own[-1] + 1
    while end < len(decided) and _at(decided[end]) == _at(decided[its_own[-1]]):
        end += 1
    return decided[begin:end], begin > 0


def _at(decision: RecordedDecision) -> Instant:
    return decision.record.timestamp


def named_places(named: Iterable[Any]) -> dict[str, tuple[int, int]]:
    """Return, by topic, the first and the last offset of the inputs that decisions and quarantine records name."""
    places: dict[str, tuple[int, int]] = {}
    for value in named:
        if value is None or value.input.topic not in EVENT_TOPICS:
            continue
        topic, offset = value.input.topic, value.input.offset
        low, high = places.get(topic, (offset, offset))
        places[topic] = (min(low, offset), max(high, offset))
    return places
