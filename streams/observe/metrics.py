"""Everything that `/metrics` tells, in one list: a name, its unit, its labels, what it counts.

Prometheus conventions: base units (seconds, bytes, records) end the name, `_total` what only grows. A label names
a topic (without prefix), a partition, a rule, a reason, a partner; never a site, a contact or an incident, and its
values are few: those of the contract, or the first `MOST_PARTNERS`. Conservation holds per topic and partition:
`ronde_inputs_total` is the sum of the four ends (contracts.md; procedure.md §7). All of a chunk counts once its
transaction is committed, so the sums agree with what readers of the topics see.

A series is there, at 0, before it first counts: what appears with its first count looks as if nothing had happened.
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, Final, get_args

import prometheus_client
from confluent_kafka import libversion
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.names import (
    ATTENTION_REASONS,
    OPEN_PHASES,
    QUARANTINE_REASONS,
    RULES,
    CallVerb,
    DispatchVerb,
    Outcome,
    ReportStatus,
)
from streams.formats.validation import DeadLetterReason
from streams.observe.kafka_metrics import KafkaMetrics
from streams.runtime.clock import wall_ms

if TYPE_CHECKING:
    from streams.observe.tally import Tally

_LATENCY: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 1800.0)
_TRANSACTION: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SIZE: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_RESTORE: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
_RESPONSE: Final = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0, 600.0)

# Partners that have series of their own; a name is the customers' to choose, and series are kept in memory.
MOST_PARTNERS: Final = 100
OTHER_PARTNERS: Final = "others"

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing


class Histogram(Collector):
    """A histogram without labels that takes a chunk's observations at once; the library's takes one at a time."""

    def __init__(
        self, name: str, documentation: str, buckets: Sequence[float], registry: CollectorRegistry, unit: str
    ) -> None:
        self._name = f"{name}_{unit}"
        self._documentation = documentation
        self._unit = unit
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
        family = HistogramMetricFamily(self._name, self._documentation, unit=self._unit)
        family.add_metric([], list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)
        yield family

    def describe(self) -> Iterator[Metric]:
        """The family without its values: what the registry checks names by."""
        yield HistogramMetricFamily(self._name, self._documentation, unit=self._unit)


class Metrics:
    """The metrics of one worker, in a registry of their own.

    ``procedures`` are the versions in force, whose rules are shown at 0; ``partitions`` is how many a topic has.
    """

    def __init__(self, procedures: Iterable[str] = (), partitions: int = 0) -> None:
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
        self.attentions = Counter(
            "ronde_attentions",
            "Attentions raised: for the first time, or again because nobody has seen to it.",
            ("reason", "raised"),
            registry=registry,
        )
        self.incidents_open = Gauge(
            "ronde_incidents_open", "Open incidents, by the phase they are in.", ("phase",), registry=registry
        )
        self.alert_to_call = Histogram(
            "ronde_alert_to_call",
            "From an alert's Kafka timestamp to its call commands, committed.",
            _LATENCY,
            registry,
            unit="seconds",
        )
        self.lateness = Histogram(
            "ronde_deadline_lateness",
            "From a deadline to the decision that handled it.",
            _LATENCY,
            registry,
            unit="seconds",
        )
        self.deadlines_failed = Counter(
            "ronde_deadlines_failed",
            "Deadlines on which the core failed: handed over, or set aside.",
            registry=registry,
        )
        self.set_aside = Counter(
            "ronde_states_set_aside", "State records put away, with an attention.", registry=registry
        )

        # Those who answer: contacts and partners.
        self.calls = Counter("ronde_call_commands", "Call commands written.", ("action",), registry=registry)
        self.results = Counter(
            "ronde_call_results",
            "Results of calls, ours or the customer's, by outcome.",
            ("outcome",),
            registry=registry,
        )
        self.unanswered_calls = Counter(
            "ronde_calls_unanswered", "Calls whose time ended without a result.", registry=registry
        )
        self.dispatches = Counter(
            "ronde_dispatch_commands", "Commands written to partners.", ("partner", "action"), registry=registry
        )
        self.reports = Counter(
            "ronde_dispatch_reports", "Reports on open dispatches.", ("partner", "status"), registry=registry
        )
        self.silences = Counter(
            "ronde_dispatch_requests_unanswered",
            "Requests whose time ended without an answer.",
            ("partner",),
            registry=registry,
        )
        self.responses = prometheus_client.Histogram(
            "ronde_dispatch_response",
            "From the first request of a dispatch to the partner's answer, a rejection included.",
            ("partner",),
            unit="seconds",
            buckets=_RESPONSE,
            registry=registry,
        )

        # Transactions.
        self.transaction_seconds = Histogram(
            "ronde_transaction", "From begin to commit.", _TRANSACTION, registry, unit="seconds"
        )
        self.chunk_size = Histogram(
            "ronde_chunk_size", "Inputs and deadlines handled in one transaction.", _SIZE, registry, unit="records"
        )
        self.aborts = Counter(
            "ronde_transactions_aborted",
            "Transactions refused, undone and begun again from the log, by Kafka's error.",
            ("reason",),
            registry=registry,
        )

        # Partitions.
        self.lag = Gauge(
            "ronde_input_lag",
            "Records of an input that are still to be taken.",
            where,
            unit="records",
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "ronde_input_lag",
            "For how long the first record of an input that is still to be taken has waited; 0 if there is none.",
            where,
            unit="seconds",
            registry=registry,
        )
        self.partitions = Gauge("ronde_partitions", "Partitions held, by what they do.", ("phase",), registry=registry)
        self.topic_partitions = Gauge(
            "ronde_topic_partitions",
            "Partitions that each topic has: what all workers hold together.",
            registry=registry,
        )
        self.restore_seconds = Histogram(
            "ronde_restore", "From a partition's assignment to its first input.", _RESTORE, registry, unit="seconds"
        )
        self.restored = Counter(
            "ronde_restored", "Records read to restore partitions.", unit="records", registry=registry
        )
        self.restored_bytes = Counter(
            "ronde_restored", "Keys and values read to restore partitions.", unit="bytes", registry=registry
        )
        self.rebalances = Counter("ronde_rebalances", "Changes of the assignment.", ("event",), registry=registry)
        self.clock_jumps = Counter(
            "ronde_clock_jumps",
            "Forward jumps of the wall clock that a partition did not follow.",
            ("partition",),
            registry=registry,
        )
        partition = ("partition",)
        self.state_records = Gauge(
            "ronde_state", "Sites of which something is remembered.", partition, unit="records", registry=registry
        )
        self.state_bytes = Gauge(
            "ronde_state", "What their states take, without keys.", partition, unit="bytes", registry=registry
        )
        self.site_records = Gauge("ronde_site", "Site records held.", partition, unit="records", registry=registry)
        self.site_bytes = Gauge(
            "ronde_site", "What these take, without keys.", partition, unit="bytes", registry=registry
        )
        self.deadlines_armed = Gauge(
            "ronde_deadlines_armed", "Deadlines kept, those that were overtaken included.", partition, registry=registry
        )

        # What does not answer, or does not move.
        self.kafka_errors = Counter(
            "ronde_kafka_errors", "Errors that a Kafka client reported.", ("error",), registry=registry
        )
        self.registry_failures = Counter(
            "ronde_registry_failures", "Attempts to reach the schema registry that failed.", registry=registry
        )
        self.ready = Gauge("ronde_ready", "1 when the worker is ready.", registry=registry)
        self.standing = Gauge(
            "ronde_standing_still",
            "For how long the work that has stood still longest has; 0 while all of it moves.",
            unit="seconds",
            registry=registry,
        )

        self.kafka = KafkaMetrics(registry)

        # What runs. The process's own memory, processor time and start come with the library.
        self.build = Gauge(
            "ronde_build_info",
            "1: what this worker is built from.",
            ("version", "python", "librdkafka"),
            registry=registry,
        )
        ProcessCollector(registry=registry)

        self._partners: set[str] = set()
        self.topic_partitions.set(partitions)
        self._show_names(procedures)

    def hold(self, number: int) -> None:
        """A partition is this worker's now: what it counts is shown before there is something to count."""
        partition = str(number)
        self.kafka.hold(partition)
        self.clock_jumps.labels(partition)
        for topic in INPUT_TOPICS:
            self.inputs.labels(topic, partition)
            (self.published if topic == "sites" else self.decided).labels(topic, partition)
            if topic == "alerts":
                self.quarantined.labels(topic, partition)
            for reason in get_args(DeadLetterReason):
                self.dead_lettered.labels(topic, partition, reason)

    def forget(self, number: int) -> None:
        """A partition is at work here no more: nothing is shown of its state any more."""
        partition = str(number)
        for gauge in (
            self.state_records,
            self.state_bytes,
            self.site_records,
            self.site_bytes,
            self.deadlines_armed,
        ):
            with suppress(KeyError):
                gauge.remove(partition)
        for topic in INPUT_TOPICS:
            for gauge in (self.lag, self.lag_seconds):
                with suppress(KeyError):
                    gauge.remove(topic, partition)
        self.kafka.forget(partition)

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
        for counter, by_name in (
            (self.quarantines, tally.quarantines),
            (self.calls, tally.calls),
            (self.results, tally.results),
            (self.clock_jumps, tally.clock_jumps),
        ):
            for name, count in by_name.items():
                counter.labels(name).inc(count)
        for (reason, is_repeat), count in tally.attentions.items():
            self.attentions.labels(reason, _RAISED[is_repeat]).inc(count)
        self._count_partners(tally)
        now = wall_ms()
        self.alert_to_call.observe_all(max(now - raised, 0) / 1000 for raised in tally.calling_alerts)
        self.lateness.observe_all(tally.lateness)
        self.unanswered_calls.inc(tally.unanswered_calls)
        self.deadlines_failed.inc(tally.deadlines_failed)
        self.set_aside.inc(tally.set_aside)
        self.chunk_size.observe(sum(tally.taken.values()) + len(tally.lateness))

    def _count_partners(self, tally: Tally) -> None:
        for (partner, action), count in tally.dispatches.items():
            self.dispatches.labels(self._partner(partner), action).inc(count)
        for answer in tally.responses:
            partner = self._partner(answer.partner)
            self.reports.labels(partner, answer.status).inc()
            if answer.seconds is not None:
                self.responses.labels(partner).observe(answer.seconds)
        for partner, count in tally.silences.items():
            self.silences.labels(self._partner(partner)).inc(count)

    def _partner(self, partner: str) -> str:
        """The label that a partner goes by; its series are made with its first."""
        if partner in self._partners:
            return partner
        label = partner if len(self._partners) < MOST_PARTNERS else OTHER_PARTNERS
        if label not in self._partners:
            self._partners.add(label)
            self.silences.labels(label)
            self.responses.labels(label)
            for status in get_args(ReportStatus):
                self.reports.labels(label, status)
            for action in get_args(DispatchVerb):
                self.dispatches.labels(label, action)
        return label

    def _show_names(self, procedures: Iterable[str]) -> None:
        self.build.labels(version("ronde"), platform.python_version(), libversion()[0]).set(1)
        for phase in OPEN_PHASES:
            self.incidents_open.labels(phase)
        for procedure in procedures:
            for rule in RULES:
                self.decisions.labels(rule, procedure)
        for reason in QUARANTINE_REASONS:
            self.quarantines.labels(reason)
        for why in ATTENTION_REASONS:
            for raised in _RAISED:
                self.attentions.labels(why, raised)
        for action in get_args(CallVerb):
            self.calls.labels(action)
        for outcome in get_args(Outcome):
            self.results.labels(outcome)


_RAISED: Final = ("first", "again")
