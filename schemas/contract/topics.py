"""The topics of contracts.md: which schema each carries, which way it flows, how the broker keeps it.

Names are without the prefix (``ronde.`` by default) that stands before each of them on the broker. All
topics have the same number of partitions and are partitioned by Kafka's murmur2 of the key.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, NewType, TypeAlias

DAY_MS: Final = 24 * 3600 * 1000
INPUT_BYTES: Final = 1_000_000  # the largest record an input topic takes
OWN_BYTES: Final = 2 * INPUT_BYTES  # dead-letters, quarantine and state carry a whole input and more
# What every consumer of ronde may take in at once. Brokers and producers count compressed bytes, so one record may be
# far larger than its topic's limit; a consumer that refuses it (librdkafka's default: 100 MB, of zstd) never gets past.
RECEIVED_BYTES: Final = 2**31 - 1
# The largest values that are written: a record has a key and a frame beside its value, and a state must fit into
# dead-letters together with what was wrong with it.
OUTPUT_VALUE_BYTES: Final = INPUT_BYTES - 1_000
STATE_VALUE_BYTES: Final = OWN_BYTES - 50_000

# A log is one partition of a topic. `Log` has the topic's name without prefix, as below; `BrokerLog` has the broker's.
# mypy takes no `Log` where a `BrokerLog` is asked for.
Log: TypeAlias = tuple[str, int]
BrokerLog = NewType("BrokerLog", tuple[str, int])


class Topic(NamedTuple):
    """A topic of the contract. ``schema`` is None for dead-letters, whose records are kept as they came.

    ``way``: into the engine, out of it, its own, or ``edge``: between the edges, and no affair of the engine.
    """

    name: str
    way: Literal["in", "out", "own", "edge"]
    schema: str | None
    cleanup: Literal["compact", "delete"]
    retention_ms: int | None = None  # None: compacted
    min_compaction_lag_ms: int = 0
    delete_retention_ms: int | None = None  # of a compacted topic's tombstones; None: the broker's, a day as a rule
    max_message_bytes: int = INPUT_BYTES
    # CreateTime: the timestamp of a record is its sender's; of an output, its ``at``.
    timestamps: Literal["CreateTime", "LogAppendTime"] = "CreateTime"

    def configuration(self) -> dict[str, str]:
        """How the broker keeps the topic, in the broker's own words."""
        words = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": self.timestamps,
        }
        if self.retention_ms is not None:
            words["retention.ms"] = str(self.retention_ms)
            # By age alone: brokers may have a limit of size for all topics, which deletes what nobody has handled yet.
            words["retention.bytes"] = "-1"
        if self.way in {"in", "edge"}:
            # Else the limit above counts compressed bytes: a megabyte of them may unpack to a gigabyte, in each reader.
            words["compression.type"] = "uncompressed"
        if self.cleanup == "compact":
            words["min.compaction.lag.ms"] = str(self.min_compaction_lag_ms)
        if self.delete_retention_ms is not None:
            words["delete.retention.ms"] = str(self.delete_retention_ms)
        if self.way == "own":
            words |= SOON_COMPACTED
        return words


# A restore reads the whole topic, so most of it should be what is in force. The segment written to is never
# compacted, and the others only when so much of them is outdated; a tombstone outlives the slowest restore.
SOON_COMPACTED: Final = MappingProxyType(
    {
        "segment.bytes": str(64 * 1024 * 1024),
        "segment.ms": str(3600 * 1000),
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(3600 * 1000),
    }
)

_ALL: Final = (
    # An older version of a site stays as long as the inputs do, so that a replay finds it.
    Topic("sites", "in", "Site", "compact", min_compaction_lag_ms=30 * DAY_MS),
    Topic("alerts", "in", "Alert", "delete", 30 * DAY_MS),
    Topic("call-results", "in", "CallResult", "delete", 30 * DAY_MS),
    Topic("dispatch-reports", "in", "DispatchReport", "delete", 30 * DAY_MS),
    Topic("operator-actions", "in", "OperatorAction", "delete", 30 * DAY_MS),
    Topic("calls", "out", "CallCommand", "delete", 30 * DAY_MS),
    Topic("dispatches", "out", "DispatchCommand", "delete", 30 * DAY_MS),
    Topic("attention", "out", "Attention", "delete", 30 * DAY_MS),
    Topic("decisions", "out", "Decision", "delete", 400 * DAY_MS),
    # A sink goes on where it was: one that was away must still find the tombstone of a site. Others begin at the start.
    Topic("readiness", "out", "Readiness", "compact", delete_retention_ms=30 * DAY_MS),
    Topic("quarantine", "out", "Quarantined", "delete", 30 * DAY_MS, max_message_bytes=OWN_BYTES),
    Topic("dead-letters", "out", None, "delete", 30 * DAY_MS, max_message_bytes=OWN_BYTES),
    Topic("state", "own", "State", "compact", max_message_bytes=OWN_BYTES),
    Topic("signals", "edge", "Signal", "delete", 30 * DAY_MS),
    Topic("transmitters", "edge", "Transmitter", "compact"),
    # The broker's clock: all readers end a hold at the same time.
    Topic("claims", "edge", "Claim", "delete", 7 * DAY_MS, timestamps="LogAppendTime"),
    Topic("desk-log", "edge", "DeskEvent", "delete", 30 * DAY_MS),
)

TOPICS: Final[Mapping[str, Topic]] = MappingProxyType({topic.name: topic for topic in _ALL})
INPUT_TOPICS: Final = tuple(topic.name for topic in _ALL if topic.way == "in")
OUTPUT_TOPICS: Final = tuple(topic.name for topic in _ALL if topic.way == "out")
EDGE_TOPICS: Final = tuple(topic.name for topic in _ALL if topic.way == "edge")
ENGINE_TOPICS: Final = tuple(topic.name for topic in _ALL if topic.way != "edge")  # what a worker works with
