"""How the clients are set up, where another value would break a promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import Consumer

from edges.kafka import clients
from edges.settings import Connection


def configuration_of(kind: str, **tuned: str) -> dict[str, Any]:
    """What librdkafka is given for a client, "Producer" or "Consumer"; ``tuned``: what the user sets."""
    connection = Connection("x.", "x", 3, tuned, tuned, data_dir=Path())
    with mock.patch.object(clients, kind) as client:
        clients.producer(connection, lambda _: None) if kind == "Producer" else clients.reader(connection)
    configuration: dict[str, Any] = client.call_args[0][0]
    return configuration


def test_readers_are_back_from_an_outage_before_writers_give_them_up() -> None:
    """Else an alert is written without the first copy that another receiver wrote (`edges.receiver.intake`)."""
    for kind in ("Producer", "Consumer"):
        configuration = configuration_of(kind)
        assert configuration["reconnect.backoff.max.ms"] <= 500
        assert kind == "Producer" or configuration["socket.timeout.ms"] <= 10_000


@pytest.mark.parametrize(("tuned", "most"), [({}, 10_000), ({"request.timeout.ms": "20000"}, 100_000)])
def test_a_writer_gives_up_a_broker_that_hangs_once_it_has_had_the_time_to_answer(
    tuned: dict[str, Any], most: int
) -> None:
    """Librdkafka's own minute is how long its partitions would go unwritten, though others lead them by then.

    A leader that waits for its followers answers five writes one after the other.
    """
    configuration = configuration_of("Producer", **tuned)
    assert 5 * int(configuration["request.timeout.ms"]) <= configuration["socket.timeout.ms"] <= most


def test_the_longest_time_for_followers_can_be_set() -> None:
    connection = Connection("x.", "x", 3, {}, {"request.timeout.ms": "900000"}, data_dir=Path())
    clients.producer(connection, lambda _: None).purge()


@pytest.mark.parametrize(
    ("tuned", "longest"),
    [
        ({"reconnect.backoff.ms": "1000"}, 1000),
        ({"reconnect.backoff.ms": "50"}, 500),
        ({"reconnect.backoff.ms": "1000", "reconnect.backoff.max.ms": "2000"}, 2000),
    ],
)
def test_the_users_shortest_wait_for_a_broker_starts_all_the_same(tuned: dict[str, str], longest: int) -> None:
    connection = Connection("x.", "x", 3, tuned, tuned, data_dir=Path())
    clients.producer(connection, lambda _: None).purge()
    with mock.patch.object(clients, "Consumer", wraps=Consumer) as client:
        clients.reader(connection).close()
    assert int(client.call_args[0][0]["reconnect.backoff.max.ms"]) == longest
