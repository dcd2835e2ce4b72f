"""The local broker's properties: one node on a laptop, quick to start, to settle its groups and to come back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas.contract.topics import OWN_BYTES

PROPERTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        # One node keeps one copy; few partitions of its own topics start faster.
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "3",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "3",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(OWN_BYTES),
        # Groups settle at once, and may be set to notice a dead member within a second.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.heartbeat.interval.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "100",
        # A node that was killed may come back as soon as the controller counts its predecessor as dead.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "300",
        # A dead producer's transaction ends when its time-out does, not up to ten seconds later.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
        # Memory and threads of a laptop; the cleaner alone would take a quarter of the heap.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }
)
