"""A partition whose leader hangs makes nobody wait but those who ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from edges.desk import reader
from edges.desk.fetchers import Fetchers
from edges.desk.reader import DeskReader, NotReadError
from edges.desk.site_index import SiteIndex
from edges.desk.state import DeskState
from edges.kafka.fetcher import Fetcher
from edges.kafka.framing import Framing
from edges.kafka.view import View
from edges.settings import Connection

HANGS, WORKS = 0, 1
AWAY = {"bootstrap.servers": "127.0.0.1:1"}
CONNECTION = Connection("none.", "none", 2, AWAY, AWAY)

pytestmark = pytest.mark.asyncio


class StandingView:
    """Has read to where each log ends; the one that hangs is old."""

    def age(self, _topic: str, partition: int) -> float:
        return 9.0 if partition == HANGS else 0.1

    def position(self, _topic: str, _partition: int) -> int:
        return 5


async def test_a_partition_that_works_is_read_to_its_end_beside_one_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[int, Any] = {}

    def ends(client: Any, _connection: Any, logs: Sequence[tuple[str, int]], _which: int, seconds: float) -> Any:
        asked[logs[0][1]] = client
        if logs[0][1] == HANGS:
            time.sleep(seconds)
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        return dict.fromkeys(logs, 5)

    monkeypatch.setattr(reader, "offsets", ends)
    desk = DeskReader(CONNECTION, Framing(CONNECTION), DeskState(2), SiteIndex(), lambda: None, lambda _: None)
    desk._own = cast("View", StandingView())
    hanging = [asyncio.create_task(desk.to_the_end(HANGS, 0.4)) for _ in range(3)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await desk.to_the_end(WORKS, 0.4)
    assert time.monotonic() - began < 0.2
    assert all(isinstance(one, NotReadError) for one in await asyncio.gather(*hanging, return_exceptions=True))
    assert asked[HANGS] is not asked[WORKS]
    await desk.stop()


async def test_records_are_fetched_beside_those_of_a_partition_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[int, Fetcher] = {}

    async def fetch(self: Fetcher, _topic: str, partition: int, *_: Any) -> None:
        asked[partition] = self

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    fetchers = Fetchers(CONNECTION, lambda partition: 9.0 if partition == HANGS else 0.1)
    for partition in (HANGS, WORKS):
        assert await fetchers.fetch("sites", partition, 0, "S1", 1.0) is None
    assert asked[HANGS] is not asked[WORKS]
    await fetchers.stop()
