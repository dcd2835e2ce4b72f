"""Which fetcher a record is asked of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final, cast

import pytest

from edges.desk.fetchers import APART_SECONDS, Fetchers
from edges.kafka.errors import KafkaAwayError
from edges.settings import Connection

pytestmark = pytest.mark.asyncio


class FakeFetcher:
    """Gives what is not away."""

    away: Final[set[str]] = set()
    made: Final[list[FakeFetcher]] = []

    def __init__(self, _connection: Connection) -> None:
        self.asked: list[str] = []
        self.made.append(self)

    async def fetch(self, topic: str, partition: int, *_: object) -> bytes:
        self.asked.append(f"{topic}-{partition}")
        if f"{topic}-{partition}" in self.away:
            raise KafkaAwayError
        return b"value"


async def test_a_partition_that_gave_nothing_is_asked_apart_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("edges.desk.fetchers.Fetcher", FakeFetcher)
    monkeypatch.setattr("edges.desk.fetchers.time", SimpleNamespace(monotonic=lambda: now))
    both = Fetchers(cast("Connection", None), lambda _: 0.0)
    prompt, late = FakeFetcher.made

    async def ask(topic: str, partition: int) -> bytes | None:
        return await both.fetch(topic, partition, 0, "S1", 1.0)

    FakeFetcher.away.add("alerts-2")
    for _ in range(3):
        with pytest.raises(KafkaAwayError):
            await ask("alerts", 2)
    await ask("alerts", 1)
    await ask("sites", 2)
    assert (prompt.asked, late.asked) == (["alerts-2", "alerts-1", "sites-2"], ["alerts-2", "alerts-2"])
    now += APART_SECONDS
    with pytest.raises(KafkaAwayError):
        await ask("alerts", 2)
    assert len(late.asked) == 2
    FakeFetcher.away.clear()
    await ask("alerts", 2)
    await ask("alerts", 2)
    assert (prompt.asked[3:], late.asked[2:]) == (["alerts-2", "alerts-2"], ["alerts-2"])
