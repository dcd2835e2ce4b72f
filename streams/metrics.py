"""Everything that `/metrics` tells, in one list.

Prometheus conventions: base units, `_total` for what only grows. A label names a topic (without prefix), a
partition, a rule, a reason; never a site, a contact or an incident. Conservation holds per topic and
partition: `ronde_inputs_total` is the sum of the four ends (contracts.md; procedure.md §7). All of a chunk
counts once its transaction is committed, so the sums agree with what readers of the topics see.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.topics import INPUT_TOPICS
from streams.clock import wall_ms

if TYPE_CHECKING:
    from streams.batch import Tally

_LATENCY: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_TRANSACTION: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SIZE: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_RESTORE: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)


class Histogram(Collector):
    """A histogram without labels that takes a chunk's observations at once; the library's takes one at a time."""

    def __init__(self, name: str, documentation: str, buckets: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = tuple(buckets)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        """One observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def observe_all(self, values: Iterable[float]) -> None:
        """Many observations."""
        counts, bounds = self._counts, self._bounds
        total = 0.0
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            total += value
        self._sum += total

    def collect(self) -> Iterator[Metric]:
        """What a scrape reads."""
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._documentation)
        family.add_metric([], list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)
        yield family

    def describe(self) -> Iterator[Metric]:
        """The family without its values: what the registry checks names by."""
        yield HistogramMetricFamily(self._name, self._documentation)


class Metrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        where = ("topic", "partition")

        # Conservation: each input ends in exactly one way.
        self.inputs = Counter("ronde_inputs", "Records taken from an input topic.", where, registry=registry)
        self.decided = Counter("ronde_inputs_decided", "Inputs that ended in decisions.", where, registry=registry)
        self.quarantined = Counter(
            "ronde_inputs_quarantined", "Alerts that ended in quarantine.", where, registry=registry
        )
        self.published = Counter(
            "ronde_inputs_published", "Site records that ended in a readiness record.", where, registry=registry
        )
        self.dead_lettered = Counter(
            "ronde_inputs_dead_lettered", "Inputs that ended as dead letters.", (*where, "reason"), registry=registry
        )

        # What was decided, and how soon.
        self.decisions = Counter(
            "ronde_decisions",
            "Decisions, by rule and version of the procedure.",
            ("rule", "procedure"),
            registry=registry,
        )
        self.quarantines = Counter("ronde_quarantines", "Quarantined alerts.", ("reason",), registry=registry)
        self.attentions = Counter("ronde_attentions", "Attentions raised.", ("reason",), registry=registry)
        self.alert_to_call = Histogram(
            "ronde_alert_to_call_seconds",
            "From an alert's Kafka timestamp to its call commands, committed.",
            _LATENCY,
            registry,
        )
        self.lateness = Histogram(
            "ronde_deadline_lateness_seconds", "From a deadline to the decision that handled it.", _LATENCY, registry
        )
        self.deadlines_failed = Counter(
            "ronde_deadlines_failed",
            "Deadlines on which the core failed: handed over, or set aside.",
            registry=registry,
        )
        self.set_aside = Counter(
            "ronde_states_set_aside", "State records put away, with an attention.", registry=registry
        )

        # Transactions.
        self.transaction_seconds = Histogram(
            "ronde_transaction_seconds", "From begin to commit.", _TRANSACTION, registry
        )
        self.chunk_size = Histogram(
            "ronde_chunk_size_records", "Inputs and deadlines handled in one transaction.", _SIZE, registry
        )
        self.aborts = Counter(
            "ronde_transactions_aborted", "Transactions aborted and begun again from the log.", registry=registry
        )

        # Partitions.
        self.lag = Gauge(
            "ronde_input_lag_records", "Records of an input that are still to be taken.", where, registry=registry
        )
        self.partitions = Gauge("ronde_partitions", "Partitions held, by what they do.", ("phase",), registry=registry)
        self.restore_seconds = Histogram(
            "ronde_restore_seconds", "From a partition's assignment to its first input.", _RESTORE, registry
        )
        self.restored = Counter("ronde_restored_records", "Records read to restore partitions.", registry=registry)
        self.rebalances = Counter("ronde_rebalances", "Changes of the assignment.", ("event",), registry=registry)
        self.clock_jumps = Counter(
            "ronde_clock_jumps",
            "Forward jumps of the wall clock that a partition did not follow.",
            ("partition",),
            registry=registry,
        )
        self.state_records = Gauge(
            "ronde_state_records", "Sites of which something is remembered.", ("partition",), registry=registry
        )
        self.site_records = Gauge("ronde_site_records", "Site records held.", ("partition",), registry=registry)
        self.deadlines_armed = Gauge(
            "ronde_deadlines_armed",
            "Deadlines kept, those that were overtaken included.",
            ("partition",),
            registry=registry,
        )

        # What does not answer.
        self.kafka_errors = Counter(
            "ronde_kafka_errors", "Errors that a Kafka client reported.", ("error",), registry=registry
        )
        self.registry_failures = Counter(
            "ronde_registry_failures", "Attempts to reach the schema registry that failed.", registry=registry
        )
        self.ready = Gauge("ronde_ready", "1 when the worker is ready.", registry=registry)

    def forget(self, number: int) -> None:
        """A partition is another worker's now: this one shows nothing of its state any more."""
        partition = str(number)
        for gauge in (self.state_records, self.site_records, self.deadlines_armed):
            with suppress(KeyError):
                gauge.remove(partition)
        for topic in INPUT_TOPICS:
            with suppress(KeyError):
                self.lag.remove(topic, partition)

    def count(self, tally: Tally) -> None:
        """Count what came of a chunk, once its transaction is committed."""
        for counter, counts in (
            (self.inputs, tally.taken),
            (self.decided, tally.decided),
            (self.quarantined, tally.quarantined),
            (self.published, tally.published),
            (self.dead_lettered, tally.dead_lettered),
            (self.decisions, tally.decisions),
        ):
            for labels, count in counts.items():
                counter.labels(*labels).inc(count)
        for number, count in tally.clock_jumps.items():
            self.clock_jumps.labels(number).inc(count)
        for counter, reasons in ((self.quarantines, tally.quarantines), (self.attentions, tally.attentions)):
            for reason, count in reasons.items():
                counter.labels(reason).inc(count)
        now = wall_ms()
        self.alert_to_call.observe_all(max(now - raised, 0) / 1000 for raised in tally.calling_alerts)
        self.lateness.observe_all(tally.lateness)
        self.deadlines_failed.inc(tally.deadlines_failed)
        self.set_aside.inc(tally.set_aside)
        self.chunk_size.observe(sum(tally.taken.values()) + len(tally.lateness))
