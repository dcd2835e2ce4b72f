"""The verdict of a replay, and its builder, which compares records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.escalation.values import Decision, Instant, Output
from streams.formats.validation import key_text
from streams.replay.comparison import Comparison, Difference, Mismatch

if TYPE_CHECKING:
    from streams.escalation.names import OutputTopic
    from streams.escalation.values import OutputValue
    from streams.formats.topic_values import TopicValues
    from streams.kafka.reading import LogRecord

# Why a decision, or a quarantine record, could not be replayed.
NO_BEGINNING: Final = "what came before it is not in the log any more"
NO_INPUT: Final = "its input is not in the log any more"
NO_SITE: Final = "its site record is not in the log any more"
NO_MEMORY: Final = "what it repeats is not in the log any more"
NO_PROCEDURE: Final = "its version of the procedure is not known"
DIFFERED: Final = "what came before it differs"


class Unchecked(NamedTuple):
    """A decision, or with ``decision_id`` None a quarantine record, that could not be replayed, and why."""

    site_id: str
    decision_id: str | None
    reason: str
    procedure_version: str | None = None  # of NO_PROCEDURE


@dataclass(slots=True)
class Verdict:
    """The numbers of replayed records, equal or not, and the differences in the order found."""

    decisions: int = 0
    commands: int = 0  # calls, dispatches and attention
    quarantined: int = 0
    differences: list[Difference] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)


class VerdictBuilder:
    """Fills the verdict on one partition."""

    def __init__(self, number: int, recorded: TopicValues) -> None:
        self.verdict = Verdict()
        self.comparison = Comparison(recorded)
        self._number = number
        self._last_offsets: dict[str, int] = {}  # of the commands compared, by topic

    def differ(
        self, site_id: str, decision_id: str | None, record: LogRecord, record_id: str, mismatch: Mismatch
    ) -> None:
        """Report a record of the log that differs."""
        what, path, recorded, replayed = mismatch
        topic, partition, offset = record[:3]
        self.verdict.differences.append(
            Difference(what, site_id, decision_id, topic, partition, offset, record_id, path, recorded, replayed)
        )

    def missing(self, site_id: str, decision_id: str | None, topic: OutputTopic, record_id: str) -> None:
        """Report a record that the log lacks."""
        self.verdict.differences.append(
            Difference("MISSING", site_id, decision_id, topic, self._number, None, record_id)
        )

    def unchecked(self, site_id: str, decision_id: str | None, reason: str, version: str | None = None) -> None:
        """Report a decision or a quarantine record that cannot be replayed."""
        self.verdict.unchecked.append(Unchecked(site_id, decision_id, reason, version))

    def commands(self, outputs: list[Output], commands: dict[str, LogRecord], now: Instant) -> None:
        """Compare the commands of a step, and remove them from ``commands``."""
        pending: list[tuple[OutputTopic, OutputValue]] = []
        for topic, value in outputs:
            assert value is not None, "only readiness has tombstones, and no decision gives those"
            if not isinstance(value, Decision):
                pending.append((topic, value))
                continue
            for its_topic, its_value in pending:
                self.command(its_topic, its_value, value.decision_id, commands, now)
            pending.clear()

    def command(
        self,
        topic: OutputTopic,
        value: OutputValue,
        decision_id: str | None,
        commands: dict[str, LogRecord],
        now: Instant,
    ) -> None:
        """Compare one command, and check that it follows the earlier ones of its topic."""
        record_id, site_id = value[0], value.site_id
        record = commands.pop(record_id, None)
        self.verdict.commands += 1
        if record is None or record.topic != topic:
            self.missing(site_id, decision_id, topic, record_id)
            return
        for mismatch in self.comparison.mismatches(record, topic, value, now):
            self.differ(site_id, decision_id, record, record_id, mismatch)
        if record.offset < self._last_offsets.get(topic, -1):
            self.differ(site_id, decision_id, record, record_id, Mismatch("OUT_OF_ORDER"))
        self._last_offsets[topic] = record.offset

    def leftovers(self, commands: Mapping[str, LogRecord], since: Instant | None, until: Instant | None) -> None:
        """Report the commands that no decision names, except those of decisions before ``since`` or after ``until``."""
        for record_id, record in commands.items():
            if since is not None and record.timestamp <= since:
                continue
            is_behind = record.offset > self._last_offsets.get(record.topic, -1)
            if until is not None and (record.timestamp > until or (record.timestamp == until and is_behind)):
                continue
            self.differ(key_text(record.key) or "", None, record, record_id, Mismatch("UNEXPECTED"))
