"""How the clients are set up, where another value would break a promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

from edges.kafka import clients
from edges.settings import Connection


def test_readers_are_back_from_an_outage_before_writers_give_them_up() -> None:
    """Else an alert is written without the first copy that another receiver wrote (`edges.receiver.intake`)."""
    connection = Connection("x.", "x", 3, {}, {}, data_dir=Path())
    for kind, make in (
        ("Producer", lambda: clients.producer(connection, lambda _: None)),
        ("Consumer", lambda: clients.reader(connection)),
    ):
        with mock.patch.object(clients, kind) as client:
            make()
        configuration: dict[str, Any] = client.call_args[0][0]
        assert configuration["reconnect.backoff.max.ms"] <= 500
        assert kind == "Producer" or configuration["socket.timeout.ms"] <= 10_000
