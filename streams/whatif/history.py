"""Read the records that a comparison needs, a partition at a time; the ends of logs are taken as for a replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.procedures import Procedures
from streams.escalation.values import Instant
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import LogRecord, Logs, Span
from streams.replay.step import KnownProcedures
from streams.whatif.change import Change
from streams.whatif.comparison import Comparison
from streams.whatif.partition import PartitionWhatIf

_ASIDE: Final = ("quarantine", "dead-letters")
_COMMANDS: Final = ("calls", "dispatches")
NEEDED: Final = (*INPUT_TOPICS, *_COMMANDS, *_ASIDE, "decisions")


class History:
    """Reads and compares. Every method may raise what `Logs` raises."""

    def __init__(
        self,
        logs: Logs,
        recorded: TopicValues,
        known: KnownProcedures,
        current: Procedures,
        total: Callable[[int], None],
        left_out: str | None = None,
    ) -> None:
        """``total`` is called with the number of offsets to read, as far as known; ``left_out``: the canary's site."""
        self.partitions = logs.require(NEEDED)
        self._logs = logs
        self._recorded = recorded
        self._known = known
        self._current = current
        self._total = total
        self._left_out = left_out
        self._to_read = 0

    def compare(self, change: Change, since: Instant) -> Comparison:
        """Compare all incidents decided on since an instant."""
        comparison = Comparison()
        for number in range(self.partitions):
            comparison.merge(self._compare(number, change, since))
        return comparison

    def _compare(self, number: int, change: Change, since: Instant) -> Comparison:
        offsets = self._logs.offsets
        inputs = [(topic, number) for topic in INPUT_TOPICS]
        begins = offsets.first(inputs)
        first = {topic: begins[topic, number] for topic in INPUT_TOPICS}
        aside = offsets.last_stable([(topic, number) for topic in _ASIDE])
        decided = offsets.settled([("decisions", number)])
        ends = aside | offsets.high_watermarks([(topic, number) for topic in _COMMANDS])
        sites_to = offsets.last_stable([("sites", number)])["sites", number]
        starts = offsets.at([*ends, *decided], since)
        # Of `sites`, too, records of long ago are read; that the core failed on one shows in its dead letter alone.
        starts |= offsets.first([("dead-letters", number)])
        whatif = PartitionWhatIf(
            number, self.partitions, self._known, self._current, change, self._recorded, first, self._left_out
        )
        for record in self._read(*(Span(*of, starts[of], end) for of, end in (decided | ends).items())):
            whatif.take(record)
        spans = [
            Span(topic, number, max(low, first[topic]), high + 1) for topic, (low, high) in whatif.places().items()
        ]
        for record in self._read(Span("sites", number, first["sites"], sites_to), *spans):
            whatif.take(record)
        return whatif.compare()

    def _read(self, *spans: Span) -> Iterator[LogRecord]:
        self._to_read += sum(max(span.end - span.begin, 0) for span in spans)
        self._total(self._to_read)
        for span in spans:
            yield from self._logs.read(span)
