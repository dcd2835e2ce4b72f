"""The metrics of a worker. Those of a chunk are fields of `Tally` (`chunk_metrics.py`), others are declared here.

Prometheus conventions: base units (seconds, bytes, records) end the name, `_total` what only grows. A label names
a topic (without prefix), a partition, a rule, a reason, a partner; never a site, a contact or an incident, and its
values are few: those of the contract, or the first `MOST_PARTNERS`. Conservation holds per topic and partition:
`ronde_inputs_total` is the sum of the four ends (contracts.md; procedure.md §7). All of a chunk counts once its
transaction is committed, so the sums agree with what readers of the topics see.

Initialise every series to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import libversion
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from schemas.contract.topics import INPUT_TOPICS, OUTPUT_TOPICS
from service.clock import now_ms
from service.metrics import Family
from streams.escalation.names import OPEN_PHASES
from streams.observe.chunk_metrics import LATENCY, LATER, Tally
from streams.observe.histogram import FAMILY, Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRANSACTION: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SIZE: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_RESTORE: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)

# Partners that have series of their own; a name is the customers' to choose, and series are kept in memory.
MOST_PARTNERS: Final = 100
OTHER_PARTNERS: Final = "others"

_LATER_LABELS: Final = frozenset({"partition", "partner", "procedure"})
# No values to begin with: such a series appears with its first value.
_PARTITION: Final[Mapping[str, Sequence[str]]] = {"partition": LATER}
_INPUT: Final[Mapping[str, Sequence[str]]] = {"topic": INPUT_TOPICS, "partition": LATER}
_OUTPUT: Final[Mapping[str, Sequence[str]]] = {"topic": OUTPUT_TOPICS, "partition": LATER}


class Metrics:
    """The metrics of one worker, in a registry of their own.

    ``procedures`` are the versions in force, whose rules are shown at 0; ``partitions`` is how many a topic has.
    """

    # How soon; all else of a chunk is in `Tally`.
    alert_to_call = Family(
        Histogram, "ronde_alert_to_call", "From an alert's Kafka timestamp to its call commands, committed.",
        unit="seconds", buckets=LATENCY,
    )  # fmt: skip
    chunk_size = Family(
        Histogram, "ronde_chunk_size", "Inputs and deadlines handled in one transaction.",
        unit="records", buckets=_SIZE,
    )  # fmt: skip
    transaction_seconds = Family(
        Histogram, "ronde_transaction", "From begin to commit.", unit="seconds", buckets=_TRANSACTION
    )
    aborts = Family(
        Counter, "ronde_transactions_aborted",
        "Transactions refused, undone and begun again from the log, by Kafka's error.", {"reason": ()},
    )  # fmt: skip

    # Incidents and partitions.
    incidents_open = Family(
        Gauge, "ronde_incidents_open", "Open incidents, by the phase they are in.", {"phase": OPEN_PHASES}
    )
    lag = Family(Gauge, "ronde_input_lag", "Records of an input that are still to be taken.", _INPUT, unit="records")
    lag_seconds = Family(
        Gauge, "ronde_input_lag",
        "For how long the first record of an input that is still to be taken has waited; 0 if there is none.",
        _INPUT, unit="seconds",
    )  # fmt: skip
    partitions = Family(Gauge, "ronde_partitions", "Partitions held, by what they do.", {"phase": ()})
    topic_partitions = Family(
        Gauge, "ronde_topic_partitions", "Partitions that each topic has: what all workers hold together."
    )
    restore_seconds = Family(
        Histogram, "ronde_restore", "From the order to restore a partition until it is rebuilt.",
        unit="seconds", buckets=_RESTORE,
    )  # fmt: skip
    restored = Family(Counter, "ronde_restored", "Records read to restore partitions.", unit="records")
    restored_bytes = Family(Counter, "ronde_restored", "Keys and values read to restore partitions.", unit="bytes")
    rebalances = Family(Counter, "ronde_rebalances", "Changes of the assignment.", {"event": ()})
    state_records = Family(Gauge, "ronde_state", "Sites of which something is remembered.", _PARTITION, unit="records")
    state_bytes = Family(Gauge, "ronde_state", "What their states take, without keys.", _PARTITION, unit="bytes")
    site_records = Family(Gauge, "ronde_site", "Site records held.", _PARTITION, unit="records")
    site_bytes = Family(Gauge, "ronde_site", "What these take, without keys.", _PARTITION, unit="bytes")
    sites_unreadable = Family(
        Gauge, "ronde_sites_unreadable",
        "Sites whose last record could not be read at the restore: the schema registry is not that of its day.",
        _PARTITION,
    )  # fmt: skip
    deadlines_armed = Family(
        Gauge, "ronde_deadlines_armed", "Deadlines kept, those that were overtaken included.", _PARTITION
    )
    clock_ahead = Family(
        Gauge, "ronde_clock_ahead", "How far a partition's clock is ahead of the wall clock; below 0: behind it.",
        _PARTITION, unit="seconds",
    )  # fmt: skip

    # What does not answer, or does not move.
    kafka_errors = Family(Counter, "ronde_kafka_errors", "Errors that a Kafka client reported.", {"error": ()})
    registry_failures = Family(Counter, "ronde_registry_failures", "Attempts to reach the schema registry that failed.")
    ready = Family(Gauge, "ronde_ready", "1 when the worker is ready.")
    standing = Family(
        Gauge, "ronde_standing_still",
        "For how long the work that has stood still longest has; 0 while all of it moves.", unit="seconds",
    )  # fmt: skip
    excess_partitions = Family(
        Gauge, "ronde_topic_partitions_excess",
        "Partitions of an input topic more (or fewer, below 0) than the settings have: nobody handles them.",
        {"topic": ()},
    )  # fmt: skip
    hidden_records = Family(
        Gauge, "ronde_readers_blocked",
        "Offsets of an output that an open transaction hides from its readers, markers included.",
        _OUTPUT, unit="records",
    )  # fmt: skip
    hidden_seconds = Family(
        Gauge, "ronde_readers_blocked",
        "For how long the last stable offset of an output has stood still before its end; 0 when it is the end.",
        _OUTPUT, unit="seconds",
    )  # fmt: skip
    deleted = Family(
        Counter, "ronde_inputs_deleted",
        "Offsets of an input that Kafka deleted before a worker had read up to them, markers among them included.",
        _INPUT,
    )  # fmt: skip
    silent_seconds = Family(
        Gauge, "ronde_kafka_silent",
        "How long ago Kafka last answered the worker's questions, which it asks every second.", unit="seconds",
    )  # fmt: skip

    # What runs. The process's own memory, processor time and start come with the library.
    build = Family(
        Gauge, "ronde_build_info", "1: what this worker is built from.", {"version": (), "python": (), "librdkafka": ()}
    )

    def __init__(self, procedures: Iterable[str] = (), partitions: int = 0) -> None:
        self.registry = CollectorRegistry()
        self._metrics: list[tuple[Any, Family[Any]]] = []  # all of them
        self._of_chunk = {
            field.name: (self._make(family), "partner" in family.labels)
            for field in fields(Tally)
            if (family := field.metadata.get(FAMILY)) is not None
        }
        for name, family in vars(type(self)).items():
            if isinstance(family, Family):
                setattr(self, name, self._make(family))
        ProcessCollector(registry=self.registry)
        self._partners: set[str] = set()
        self.topic_partitions.set(partitions)
        self.build.labels(version("ronde"), platform.python_version(), libversion()[0]).set(1)
        self._initialise()
        self._initialise(procedure=procedures)

    def hold(self, number: int) -> None:
        """Initialise the counters of a partition that is this worker's now; its gauges appear when it is measured."""
        self._initialise(partition=[str(number)])

    def forget(self, number: int) -> None:
        """Remove the gauges of a partition that is another worker's now."""
        for metric, family in self._metrics:
            if isinstance(metric, Gauge) and "partition" in family.labels:
                for values in _combinations(family, {"partition": [str(number)]}):
                    with suppress(KeyError):
                        metric.remove(*values)

    def count(self, tally: Tally) -> None:
        """Count what came of a chunk, once its transaction is committed."""
        for name, (metric, is_by_partner) in self._of_chunk.items():
            amount = getattr(tally, name)
            if not amount:
                continue
            if isinstance(amount, int):
                metric.inc(amount)
            elif isinstance(amount, dict):
                for values, count in amount.items():
                    labels = values if isinstance(values, tuple) else (values,)
                    metric.labels(*(self._by_partner(labels) if is_by_partner else labels)).inc(count)
            elif is_by_partner:
                for *labels, value in amount:
                    metric.labels(*self._by_partner(labels)).observe(value)
            else:
                metric.observe_all(amount)
        now = now_ms()
        self.alert_to_call.observe_all(max(now - raised, 0) / 1000 for raised in tally.calling_alerts)
        self.chunk_size.observe(sum(tally.taken.values()) + len(tally.lateness))

    def count_jumps(self, tally: Tally) -> None:
        """Count the jumps of clocks in a chunk that was refused: the clocks go on, and do not show them again."""
        metric, _ = self._of_chunk["clock_jumps"]
        for partition, jumps in tally.clock_jumps.items():
            metric.labels(partition).inc(jumps)

    def _make(self, family: Family[Any]) -> Any:
        metric = family.make(self.registry)
        self._metrics.append((metric, family))
        return metric

    def _initialise(self, **later: Iterable[str]) -> None:
        """Show at 0 the series of all metrics that have just these of the labels whose values come later."""
        for metric, family in self._metrics:
            is_measured = isinstance(metric, Gauge) and bool(later)
            if family.labels and _LATER_LABELS & family.labels.keys() == later.keys() and not is_measured:
                for values in _combinations(family, later):
                    metric.labels(*values)

    def _by_partner(self, labels: Sequence[str]) -> Sequence[str]:
        """Labels with the one that their partner, the first, goes by; its series are made with its first."""
        partner, *others = labels
        if partner not in self._partners:
            if len(self._partners) >= MOST_PARTNERS:
                partner = OTHER_PARTNERS
            if partner not in self._partners:
                self._partners.add(partner)
                self._initialise(partner=[partner])
        return (partner, *others)


def _combinations(family: Family[Any], later: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """The values of a family's labels, each with each."""
    return product(*(later.get(label, values) for label, values in family.labels.items()))
