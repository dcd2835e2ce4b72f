"""A partition whose leader hangs makes nobody wait but those who ask for it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from edges.desk import reader
from edges.desk.fetchers import Fetchers
from edges.desk.leaders import Leaders
from edges.desk.reader import ENGINE, OWN, OWN_MS, DeskReader, NotReadError
from edges.desk.site_index import SiteIndex
from edges.desk.state import DeskState
from edges.kafka.fetcher import Fetcher
from edges.kafka.framing import Framing
from edges.kafka.layout import Layout
from edges.kafka.view import FromOffsets, FromTime, Reading, View
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
    over = threading.Event()

    def ends(client: Any, _connection: Any, logs: Sequence[tuple[str, int]], _which: int, seconds: float) -> Any:
        asked[logs[0][1]] = client
        if logs[0][1] == HANGS:
            over.wait(seconds)
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT))
        return dict.fromkeys(logs, 5)

    monkeypatch.setattr(reader, "offsets", ends)
    desk = DeskReader(CONNECTION, Framing(CONNECTION), DeskState(2), SiteIndex(), lambda: None, lambda _: None)
    desk._own = cast("View", StandingView())
    desk.unread = frozenset()
    hanging = [asyncio.create_task(desk.to_the_end(HANGS, 30)) for _ in range(3)]
    await asyncio.sleep(0.05)
    await desk.to_the_end(WORKS, 30)
    assert not any(one.done() for one in hanging)
    over.set()
    assert all(isinstance(one, NotReadError) for one in await asyncio.gather(*hanging, return_exceptions=True))
    assert asked[HANGS] is not asked[WORKS]
    await desk.stop()


async def test_decisions_are_read_before_what_follows_from_them(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[dict[str, Any]] = []

    class ViewAtOnce:
        def __init__(self, _connection: Any, topics: dict[str, Reading], *_: Any, **__: Any) -> None:
            self._topics = topics

        def start(self) -> None:
            began.append({topic: reading.start for topic, reading in self._topics.items()})

        async def wait_read(self) -> None:
            pass

        async def wait_failed(self) -> None:
            raise AssertionError("it reads on")

        async def stop(self) -> None:
            pass

    def starts(_: Any, topics: Sequence[str], *_more: Any, at_latest: dict[str, int], **_named: Any) -> dict[str, Any]:
        assert time.time() * 1000 - at_latest["desk-log"] == pytest.approx(OWN_MS, abs=5000)
        return {topic: {0: number} for number, topic in enumerate(topics)}

    monkeypatch.setattr(reader, "View", ViewAtOnce)
    monkeypatch.setattr("edges.kafka.lookback.starts", starts)
    monkeypatch.setattr(DeskReader, "_learn_leaders", lambda _: None)
    monkeypatch.setattr(Layout, "leaders", lambda *_: {("sites", HANGS): 1, ("sites", WORKS): 1})
    desk = DeskReader(CONNECTION, Framing(CONNECTION), DeskState(2), SiteIndex(), lambda: None, lambda _: None)
    await desk.start(0, Leaders(CONNECTION, ("sites",)))
    await desk.stop()
    names = [{*topics} for topics in began]
    assert names == [{"sites"}, {"dead-letters"}, {"decisions"}, {*ENGINE} - {"decisions"}, {*OWN}]
    assert isinstance(began[4]["claims"], FromTime)
    assert began[4]["desk-log"] == FromOffsets({0: len(ENGINE)})


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
