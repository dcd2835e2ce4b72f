"""The plain loop: what a user would write by hand on confluent-kafka, exactly once.

A consumer, a transactional producer with the offsets in the transaction, the state in a dict beside a changelog
topic. Any error ends it: its successor restores from the changelog.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from benchmarks.peers.kernel import ALERT, CALL, DECISION, STATE, arguments, decode, encode, now_ms, step

given = arguments(chunk=5000, window=0.005)
COMMON: dict[str, Any] = {"bootstrap.servers": given.bootstrap, "log_level": 3}
consumer = Consumer(
    {
        **COMMON,
        "group.id": given.group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "queued.min.messages": 200_000,
        "group.protocol": "consumer",
        "group.remote.assignor": "range",
    }
)
producer = Producer(
    {
        **COMMON,
        "transactional.id": given.group,
        "linger.ms": 5,
        "batch.num.messages": 10_000,
        "queue.buffering.max.messages": 1_000_000,
        "transaction.timeout.ms": 20_000,
        "retry.backoff.ms": 5,
    }
)
sites: dict[int, dict[str, dict[str, Any]]] = {}  # by partition and site: its open incident


def restore(partitions: list[int]) -> None:
    """Read the changelog of these partitions to its end."""
    reader = Consumer(
        {
            **COMMON,
            "group.id": f"{given.group}-restore",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    reader.assign([TopicPartition(given.state, number, 0) for number in partitions])
    left = set(partitions)
    while left:
        for message in reader.consume(10_000, 0.05):
            if message.error():
                left.discard(message.partition())
                continue
            incident = decode(STATE, message.value())  # type: ignore[arg-type]  # no tombstones here
            sites[message.partition()][incident["site_id"]] = incident  # type: ignore[index]
    reader.close()


def assigned(_: Consumer, logs: list[TopicPartition]) -> None:
    """Partitions come: their state with them."""
    for log in logs:
        sites[log.partition] = {}
    if logs:
        restore([log.partition for log in logs])


def revoked(_: Consumer, logs: list[TopicPartition]) -> None:
    """Partitions go."""
    for log in logs:
        sites.pop(log.partition, None)


def handle(messages: list[Message]) -> None:
    """A chunk, in one transaction."""
    now, next_offsets = now_ms(), {}
    producer.begin_transaction()
    for message in messages:
        if message.error():
            raise SystemExit(str(message.error()))
        key, number = message.key(), message.partition()
        assert number is not None
        alert = decode(ALERT, message.value())  # type: ignore[arg-type]  # no tombstones here
        incidents = sites[number]
        incident, call, decision = step(incidents.get(alert["site_id"]), alert, now)
        next_offsets[number] = (message.offset() or 0) + 1
        if incident is None or decision is None:
            continue
        incidents[alert["site_id"]] = incident
        producer.produce(given.state, value=encode(STATE, incident), key=key, partition=number)
        if call:
            producer.produce(given.calls, value=encode(CALL, call), key=key, partition=number)
        producer.produce(given.decisions, value=encode(DECISION, decision), key=key, partition=number)
    offsets = [TopicPartition(given.alerts, number, offset) for number, offset in next_offsets.items()]
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
    producer.commit_transaction()


producer.init_transactions()  # fences a dead predecessor and aborts its open transaction
consumer.subscribe([given.alerts], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
while True:
    if chunk := consumer.consume(given.chunk, given.window):
        handle(chunk)
