"""A chunk's output: the records and offsets of one transaction, and their counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from schemas.contract.topics import BrokerLog
from streams.escalation.values import Instant
from streams.formats.message import Headers
from streams.observe.chunk_metrics import Tally

if TYPE_CHECKING:
    from streams.kafka.offset_notes import OffsetNotes
    from streams.state.overlay import PartitionOverlay
    from streams.state.partition import Unusable

# Topic on the broker, value, key, partition, no callback (it has two names, and each its place), timestamp (ms),
# headers where there are any: the arguments of `Producer.produce` by place, as keywords cost three times as much.
Record: TypeAlias = (
    tuple[str, bytes | None, bytes, int, None, None, Instant]
    | tuple[str, bytes | None, bytes | None, int, None, None, Instant, Headers]
)


@dataclass(slots=True)
class OutputBatch:
    """What one transaction writes and commits.

    Attributes:
        records: state and outputs, in the order they are written.
        next_offsets: (topic on the broker, partition, offset after the last input handled).
        notes: by log, what is committed with the offset beside it.
        overlays: what becomes the partitions' present once it is committed.
        unusable: by partition, the sites whose state must be set aside, and why; also those that it was restored
            for and that are not committed yet. Such a partition has no part in the batch: it is restored from the log
            and its inputs are read again. Without a new site, one has become too large to be written.

    """

    records: list[Record] = field(default_factory=list)
    next_offsets: list[tuple[str, int, int]] = field(default_factory=list)
    notes: dict[BrokerLog, OffsetNotes] = field(default_factory=dict)
    overlays: list[PartitionOverlay] = field(default_factory=list)
    unusable: dict[int, dict[str, Unusable]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write: only overtaken deadlines were due."""
        return not self.records and not self.next_offsets
