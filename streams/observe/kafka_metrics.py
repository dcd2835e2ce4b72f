"""What Kafka and the clock do to a worker, as metrics; the rest is in `streams.observe.metrics`."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.contract.topics import INPUT_TOPICS, OUTPUT_TOPICS


class KafkaMetrics:
    """Measured by the watch and the restores, beside the work on a chunk."""

    def __init__(self, registry: CollectorRegistry) -> None:
        where = ("topic", "partition")
        self.excess_partitions = Gauge(
            "ronde_topic_partitions_excess",
            "Partitions of an input topic more (or fewer, below 0) than the settings have: nobody handles them.",
            ("topic",),
            registry=registry,
        )
        self.hidden_records = Gauge(
            "ronde_readers_blocked",
            "Offsets of an output that an open transaction hides from its readers, markers included.",
            where,
            unit="records",
            registry=registry,
        )
        self.hidden_seconds = Gauge(
            "ronde_readers_blocked",
            "For how long the last stable offset of an output has stood still before its end; 0 when it is the end.",
            where,
            unit="seconds",
            registry=registry,
        )
        self.deleted = Counter(
            "ronde_inputs_deleted",
            "Offsets of an input that Kafka deleted before they were handled, transactions' markers included.",
            where,
            registry=registry,
        )
        self.clock_ahead = Gauge(
            "ronde_clock_ahead",
            "How far a partition's clock is ahead of the wall clock; below 0: behind it.",
            ("partition",),
            unit="seconds",
            registry=registry,
        )
        self.silent_seconds = Gauge(
            "ronde_kafka_silent",
            "How long ago Kafka last answered the worker's questions, which it asks every second.",
            unit="seconds",
            registry=registry,
        )

    def hold(self, partition: str) -> None:
        """Initialise the counters of a partition to 0, or `increase()` misses the first event."""
        for topic in INPUT_TOPICS:
            self.deleted.labels(topic, partition)

    def forget(self, partition: str) -> None:
        """Remove the gauges of a partition that is another worker's now."""
        with suppress(KeyError):
            self.clock_ahead.remove(partition)
        for topic in OUTPUT_TOPICS:
            for gauge in (self.hidden_records, self.hidden_seconds):
                with suppress(KeyError):
                    gauge.remove(topic, partition)
