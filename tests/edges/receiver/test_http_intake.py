"""What alerts by HTTP leave in `signals`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from edges.receiver.http import HttpIntake
from edges.receiver.intake import Publisher
from edges.receiver.metrics import ReceiverMetrics
from edges.receiver.rooms import Rooms
from edges.receiver.values import Alert, Signal


class MemoryPublisher:
    """Acknowledges at once."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def signals(self, signals: Sequence[Signal]) -> None:
        self.ids += [signal.signal_id for signal in signals]

    async def alerts(self, alerts: Sequence[Alert]) -> None:
        """Nobody looks."""

    def partition_of(self, _key: str) -> int:
        return 0


def test_one_body_to_many_sites_in_a_millisecond_has_an_id_for_each() -> None:
    publisher = MemoryPublisher()
    intake = HttpIntake("r1", cast("Publisher", publisher), Rooms(1000), ReceiverMetrics())

    async def send() -> None:
        alerts = [Alert("A1", f"S{number}", "FIRE", 0, None, None, "http:r1") for number in range(100)]
        await asyncio.gather(*(intake.take(alert, b"{}") for alert in alerts))

    asyncio.run(send())
    assert len(set(publisher.ids)) == len(publisher.ids) == 100
