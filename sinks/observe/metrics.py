"""The metrics of the sink. What a transaction wrote counts once it is committed."""

from __future__ import annotations

from collections import Counter as Tally
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

from service.metrics import Family, ProcessMetrics, failures
from sinks.rows.feeds import FEEDS

if TYPE_CHECKING:
    from sinks.write.ledger import WriteResult

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_RECORDS: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
_TOPICS: Final = tuple(feed.topic for feed in FEEDS)


class SinkMetrics(ProcessMetrics):
    """The metrics of one sink."""

    what = "sink"

    rows = Family(Counter, "ronde_sink_rows", "Records written to the ledger.", {"topic": _TOPICS})
    refused = Family(
        Counter, "ronde_sink_refused",
        "Records kept in the table refused because PostgreSQL refused their row, or they do not decode.",
        {"topic": _TOPICS, "reason": ("UNDECODABLE",)},
    )  # fmt: skip
    transaction_seconds = Family(
        Histogram, "ronde_sink_transaction", "From begin to commit.", unit="seconds", buckets=_SECONDS
    )
    chunk_size = Family(
        Histogram, "ronde_sink_chunk_size", "Records of one transaction.", unit="records", buckets=_RECORDS
    )
    lag = Family(
        Gauge, "ronde_sink_lag", "Records of a topic that are not in the ledger yet.",
        {"topic": (), "partition": ()}, unit="records",
    )  # fmt: skip
    lag_seconds = Family(
        Gauge, "ronde_sink_lag", "The age of the newest record in the ledger while there are others to come, else 0.",
        {"topic": (), "partition": ()}, unit="seconds",
    )  # fmt: skip
    ready = Family(Gauge, "ronde_sink_ready", "1 when the sink is ready.")
    failures = failures("sink")
    fenced = Family(Counter, "ronde_sink_fenced", "Transactions undone because another sink has the partition.")
    rebalances = Family(Counter, "ronde_sink_rebalances", "Changes of the assignment.", {"event": ()})
    missed = Family(
        Counter, "ronde_sink_missed", "Records that Kafka had removed before they were in the ledger.",
        {"topic": _TOPICS}, unit="records",
    )  # fmt: skip
    erasures = Family(Counter, "ronde_sink_erasures", "Erasures carried out.")

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
