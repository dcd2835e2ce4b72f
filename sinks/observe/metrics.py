"""The metrics of the sink, in one list: a name, its unit, its labels, what it counts.

Prometheus conventions: a name ends with its base unit (seconds, records), that of a counter with `_total`. A label
names a topic (without prefix), a partition, a reason; never a site, a contact or an incident. What a transaction wrote
counts once it is committed. Every series is initialised to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

import platform
from collections import Counter as Tally
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import prometheus_client
from confluent_kafka import libversion
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from sinks.rows.feeds import FEEDS

if TYPE_CHECKING:
    from sinks.write.ledger import WriteResult

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_RECORDS: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_THINGS: Final = ("postgres", "kafka", "registry")

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, of no use


class SinkMetrics:
    """The metrics of one sink, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.rows = Counter("ronde_sink_rows", "Records written to the ledger.", ("topic",), registry=registry)
        self.refused = Counter(
            "ronde_sink_refused",
            "Records kept in the table refused because PostgreSQL refused their row, or they do not decode.",
            ("topic", "reason"),
            registry=registry,
        )
        self.transaction_seconds = Histogram(
            "ronde_sink_transaction", "From begin to commit.", unit="seconds", buckets=_SECONDS, registry=registry
        )
        self.chunk_size = Histogram(
            "ronde_sink_chunk_size", "Records of one transaction.", unit="records", buckets=_RECORDS, registry=registry
        )
        self.lag = Gauge(
            "ronde_sink_lag",
            "Records of a topic that are not in the ledger yet.",
            ("topic", "partition"),
            unit="records",
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "ronde_sink_lag",
            "The age of the newest record in the ledger while there are others to come, else 0.",
            ("topic", "partition"),
            unit="seconds",
            registry=registry,
        )
        self.ready = Gauge("ronde_sink_ready", "1 when the sink is ready.", registry=registry)
        self.failures = Counter(
            "ronde_sink_failures",
            "Attempts that failed because something is away: postgres, kafka, registry.",
            ("thing",),
            registry=registry,
        )
        self.fenced = Counter(
            "ronde_sink_fenced", "Transactions undone because another sink has the partition.", registry=registry
        )
        self.rebalances = Counter("ronde_sink_rebalances", "Changes of the assignment.", ("event",), registry=registry)
        self.missed = Counter(
            "ronde_sink_missed",
            "Records that Kafka had removed before they were in the ledger.",
            ("topic",),
            unit="records",
            registry=registry,
        )
        self.erasures = Counter("ronde_sink_erasures", "Erasures carried out.", registry=registry)

        # What runs. The process's own memory, processor time and start come with the library.
        self.build = Gauge(
            "ronde_build_info",
            "1: what this sink is built from.",
            ("version", "python", "librdkafka"),
            registry=registry,
        )
        self.build.labels(version("ronde"), platform.python_version(), libversion()[0]).set(1)
        ProcessCollector(registry=registry)

        for feed in FEEDS:
            self.rows.labels(feed.topic)
            self.refused.labels(feed.topic, "UNDECODABLE")
            self.missed.labels(feed.topic)
        for thing in _THINGS:
            self.failures.labels(thing)

    def count(self, written: WriteResult) -> None:
        """Count what a transaction wrote, once it is committed."""
        refused = Tally((record.topic, record.reason.partition(" ")[0]) for record in written.refused)
        for topic, rows in written.rows.items():
            self.rows.labels(topic).inc(rows)
        for (topic, reason), records in refused.items():
            self.refused.labels(topic, reason).inc(records)
        self.chunk_size.observe(sum(written.rows.values()) + len(written.refused))

    def forget(self, topic: str, partition: int) -> None:
        """Remove the series of a partition that another sink has now."""
        for gauge in (self.lag, self.lag_seconds):
            with suppress(KeyError):
                gauge.remove(topic, str(partition))
