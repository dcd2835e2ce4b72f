"""The topics that the ledger is fed with: the table of each, and what is personal in its values.

This and the schemas are the one description of a row. Rows (`Feed.make_row`), staging tables, inserts and the columns
that a timeline reads (`sinks.database.feed_sql`) follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from schemas import load
from schemas.avro.generated.shapes import Record, shape_of
from schemas.contract.topics import TOPICS
from sinks.rows.columns import Column, FieldColumns, columns_of
from sinks.rows.emitted import EMITTED, count_emitted

Row: TypeAlias = tuple[Any, ...]
"""Values of the columns of a feed, in their order."""

RECEIVED_AT: Final = Column("received_at", "instant")
_PLACE: Final = (Column("kafka_partition", "integer"), Column("kafka_offset", "bigint"))


class RecordPosition(NamedTuple):
    """Where a record lies, and its timestamp on Kafka (milliseconds since 1970, UTC)."""

    partition: int
    offset: int
    timestamp: int


@dataclass(frozen=True, eq=False)
class Feed:
    """One topic (without prefix) and the table that has a row for each of its records.

    Its columns are those of the schema's fields (`sinks.rows.columns`), then what a record has beside its value.
    """

    topic: str
    table: str
    # The column whose instant decides on a row's month and is compared with erasures; None: the table has no months.
    # `received_at`, where the schema has no such field, is the record's timestamp on Kafka.
    month: str | None = RECEIVED_AT.name
    # Columns that an erasure empties (`ledger.erase` does too), and that are shown on request alone.
    personal: tuple[str, ...] = ()
    # The expression (`queries/`) of whom a ``record`` is about where its `contact_id` names nobody. An erasure of this
    # one empties the record too where it names somebody else.
    contact: str | None = None
    # Of a record within the value, by its field: the fields to keep, under their own names.
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The query that inserts staged rows into the table, and those to run after it.
    put: str = "put"
    then: tuple[str, ...] = ()

    @property
    def schema(self) -> str:
        """The schema of its values."""
        name = TOPICS[self.topic].schema
        assert name is not None, "dead letters are not fed in"
        return name

    @property
    def staging(self) -> str:
        """The table that its rows lie in before they are put into the ledger."""
        return f"staging_{self.topic.replace('-', '_')}"

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its rows, in order; in the table they have the same names."""
        columns = [column for part in self._fields.values() for column in part.columns]
        columns += EMITTED if self._counts_emitted else ()
        columns += [RECEIVED_AT] if self._keeps_timestamp else ()
        columns += _PLACE
        names = [column.name for column in columns]
        assert len(set(names)) == len(names), f"{self.topic}: a column twice"
        assert {*self.personal, *([self.month] if self.month else ())} <= set(names), f"{self.topic}: no such column"
        return tuple(columns)

    @cached_property
    def month_at(self) -> int | None:
        """Where its rows have the instant that decides on their month."""
        return None if self.month is None else [column.name for column in self.columns].index(self.month)

    @property
    def is_compacted(self) -> bool:
        """Whether its records may be tombstones."""
        return TOPICS[self.topic].cleanup == "compact"

    @cached_property
    def make_row(self) -> Callable[[Row, RecordPosition], Row]:
        """A function to the row of a record, from its value, which has its fields by position, and where it lies."""
        # The last first: a field may become several columns.
        conversions = [(at, part.convert) for at, part in enumerate(self._fields.values()) if part.convert][::-1]
        keeps_timestamp, counts_emitted = self._keeps_timestamp, self._counts_emitted
        names = list(self._fields)
        incident, outputs = (names.index("incident_id"), names.index("outputs")) if counts_emitted else (0, 0)

        def make_row(value: Row, position: RecordPosition) -> Row:
            row = list(value)
            for at, convert in conversions:
                row[at : at + 1] = convert(value[at])
            if counts_emitted:
                row += count_emitted(value[incident], value[outputs])
            partition, offset, timestamp = position
            return (*row, timestamp, partition, offset) if keeps_timestamp else (*row, partition, offset)

        return make_row

    def tombstone_row(self, key: str, position: RecordPosition) -> Row:
        """The row of a tombstone, of which the key alone is known: the value's first field."""
        assert self.is_compacted
        return (key, *[None] * (len(self.columns) - 1 - len(_PLACE)), position.partition, position.offset)

    @cached_property
    def _fields(self) -> dict[str, FieldColumns]:
        record = shape_of(load(self.schema))
        assert isinstance(record, Record)
        assert self.chosen.keys() <= {part.name for part in record.fields}, f"{self.topic}: no such field"
        return {part.name: columns_of(part, self.chosen.get(part.name, ())) for part in record.fields}

    @property
    def _keeps_timestamp(self) -> bool:
        return self.month == RECEIVED_AT.name and RECEIVED_AT.name not in self._fields

    @property
    def _counts_emitted(self) -> bool:
        return "outputs" in self._fields


# Alerts and operators' actions are among them because decisions only name them: when an alert came, what it was and
# why an operator closed an incident is in the record alone.
FEEDS: Final = (
    Feed("alerts", "alerts", personal=("detail",)),
    Feed("call-results", "call_results", personal=("detail",), contact="contact_of_call"),
    Feed("dispatch-reports", "dispatch_reports", personal=("reason",)),
    Feed("operator-actions", "operator_actions", personal=("reason",)),
    Feed(
        "calls",
        "call_commands",
        "issued_at",
        personal=("contact_name", "phone", "language"),
        then=("erase_early_results", "name_procedure"),
    ),
    Feed(
        "dispatches", "dispatch_commands", "issued_at", personal=("address", "instructions"), then=("name_procedure",)
    ),
    Feed("attention", "attention", "raised_at", then=("name_procedure",)),
    Feed("decisions", "incident_events", "at", put="put_decisions"),
    Feed("quarantine", "quarantined", "at", chosen={"alert": ("kind", "raised_at")}),
    Feed("readiness", "sites_readiness", None, put="put_readiness"),
    Feed("signals", "signals", personal=("user", "text", "raw")),
    Feed("claims", "claims"),
    Feed("desk-log", "desk_events", personal=("detail",)),
)
FEED_OF: Final[Mapping[str, Feed]] = MappingProxyType({feed.topic: feed for feed in FEEDS})
