"""What alerts by HTTP leave in `signals`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import httpx

from edges.kafka.errors import UnconfirmedError
from edges.receiver.http import HttpIntake, application
from edges.receiver.intake import Publisher
from edges.receiver.metrics import ReceiverMetrics
from edges.receiver.partition_capacity import PartitionCapacity
from edges.values import Alert, Signal
from edges.web import tokens


class MemoryPublisher:
    """Acknowledges at once, or never."""

    is_away = False

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def signals(self, signals: Sequence[Signal]) -> None:
        self.ids += [signal.signal_id for signal in signals]

    async def alerts(self, alerts: Sequence[Alert]) -> None:
        """Nobody looks."""
        if self.is_away:
            raise UnconfirmedError

    def partition_of(self, _key: str) -> int:
        return 0


def test_one_body_to_many_sites_in_a_millisecond_has_an_id_for_each() -> None:
    publisher = MemoryPublisher()
    intake = HttpIntake("r1", cast("Publisher", publisher), PartitionCapacity(1000), ReceiverMetrics())

    async def send() -> None:
        alerts = [Alert("A1", f"S{number}", "FIRE", 0, None, None, "http:r1") for number in range(100)]
        await asyncio.gather(*(intake.take(alert, b"{}") for alert in alerts))

    asyncio.run(send())
    assert len(set(publisher.ids)) == len(publisher.ids) == 100


def test_what_kafka_does_not_acknowledge_is_503_unconfirmed_and_the_same_again_is_safe(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    headers = {"Authorization": f"Bearer {tokens.add(file, 'camera', ('alerts',))}"}
    publisher = MemoryPublisher()
    intake = HttpIntake("r1", cast("Publisher", publisher), PartitionCapacity(1000), ReceiverMetrics())
    body = {"alert_id": "A1", "kind": "FIRE", "raised_at": "2026-11-28T21:03:12.000Z"}

    async def post() -> tuple[int, dict[str, str]]:
        transport = httpx.ASGITransport(application(intake, tokens.TokenFile(file)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post("/v1/sites/S1/alerts", json=body, headers=headers)
            return answer.status_code, json.loads(answer.content)

    publisher.is_away = True
    status, problem = asyncio.run(post())
    assert (status, problem["code"]) == (503, "UNCONFIRMED")
    publisher.is_away = False
    assert asyncio.run(post()) == (202, {"alert_id": "A1"})
    assert len(set(publisher.ids)) == 2
