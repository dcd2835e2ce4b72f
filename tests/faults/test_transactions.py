"""Whose fault it is that a log cannot be read to its end: told from what the broker says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer as Client

from ronde.local.kafka import Kafka
from streams.settings import Settings
from tests.faults.transactions import Hanging, Log, Producer, Transaction, forgotten, hanging, write_marker

LOG: Log = ("calls", 0)
OPEN = Producer(LOG, producer_id=7, epoch=3, coordinator_epoch=0, since=41)


def known(state: str, *logs: Log) -> Transaction:
    return Transaction("ronde-worker-a", 7, 4, state, frozenset(logs))


@pytest.mark.parametrize("state", ["Ongoing", "PrepareAbort", "PrepareCommit"])
def test_what_the_coordinator_has_under_way_there_is_the_workers(state: str) -> None:
    found = Hanging(OPEN, known(state, LOG))
    assert not found.is_forgotten
    assert str(found) == (
        f"calls 0: open since offset 41, epoch 3, by transactional.id ronde-worker-a, {state} (epoch 4): "
        "it is under way"
    )


@pytest.mark.parametrize(
    "transaction",
    [None, known("CompleteAbort"), known("CompleteCommit"), known("Empty"), known("Ongoing", ("calls", 1))],
)
def test_what_it_is_done_with_is_the_brokers(transaction: Transaction | None) -> None:
    assert Hanging(OPEN, transaction).is_forgotten


def test_two_looks_must_agree_on_what_is_forgotten() -> None:
    lost, later = Hanging(OPEN, known("Empty")), Hanging(OPEN._replace(since=42), known("Empty"))
    assert forgotten(([lost], [lost, later])) == [lost]
    assert forgotten(([Hanging(OPEN, known("Ongoing", LOG))], [lost])) == []


@pytest.fixture
def client(kafka: Kafka, prefix: str) -> Iterator[Client]:
    client = Client({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": f"{prefix}worker"})
    client.init_transactions(30)
    yield client
    client.abort_transaction(30)


def test_a_broker_is_asked_and_a_marker_written(kafka: Kafka, topics: Settings, prefix: str, client: Client) -> None:
    address, log, another = kafka.bootstrap_servers, (topics.topic("calls"), 0), (topics.topic("attention"), 2)
    assert hanging(address, [log, another]) == []
    client.begin_transaction()
    for topic, number in (log, another):
        client.produce(topic, b"value", partition=number)
    client.flush(30)

    found = sorted(hanging(address, [log, another]), key=lambda one: one.producer.log, reverse=True)

    assert [one.producer.log for one in found] == [log, another]
    assert [one.producer.since for one in found] == [0, 0]
    for one in found:
        assert one.transaction is not None
        assert one.transaction.transactional_id == f"{prefix}worker"
        assert one.transaction.logs == {log, another}
        assert not one.is_forgotten
    write_marker(address, found[0])
    give_up = time.monotonic() + 30
    while [one.producer.log for one in hanging(address, [log, another])] != [another]:
        assert time.monotonic() < give_up
