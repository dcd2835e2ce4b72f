"""Which fetcher a record is asked of."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import pytest

from edges.desk.backlog import Backlog
from edges.desk.deadline import left
from edges.desk.fetchers import APART_SECONDS, Fetchers
from edges.kafka import fetcher
from edges.kafka.errors import KafkaAwayError, UnaskedError
from edges.settings import Connection

if TYPE_CHECKING:
    from confluent_kafka import Consumer, TopicPartition

pytestmark = pytest.mark.asyncio


class FakeFetcher:
    """Gives what is not away."""

    away: Final[set[str]] = set()
    unasked: Final[set[str]] = set()
    made: Final[list[FakeFetcher]] = []

    def __init__(self, _connection: Connection) -> None:
        self.asked: list[str] = []
        self.made.append(self)

    async def fetch(self, topic: str, partition: int, *_: object) -> bytes:
        self.asked.append(f"{topic}-{partition}")
        if f"{topic}-{partition}" in self.away:
            raise KafkaAwayError
        if f"{topic}-{partition}" in self.unasked:
            raise UnaskedError
        return b"value"


@pytest.fixture(autouse=True)
def all_answer() -> None:
    for known in (FakeFetcher.away, FakeFetcher.unasked, FakeFetcher.made):
        known.clear()


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
    now += APART_SECONDS - 1
    with pytest.raises(KafkaAwayError):
        await ask("alerts", 2)
    now += APART_SECONDS - 1
    with pytest.raises(KafkaAwayError):
        await ask("alerts", 2)
    assert (len(prompt.asked), len(late.asked)) == (3, 4), "it stays apart for as long as it gives nothing"
    FakeFetcher.away.clear()
    await ask("alerts", 2)
    await ask("alerts", 2)
    assert (prompt.asked[3:], late.asked[4:]) == (["alerts-2"], ["alerts-2"])


async def test_what_was_not_asked_in_time_is_not_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.desk.fetchers.Fetcher", FakeFetcher)
    both = Fetchers(cast("Connection", None), lambda _: 0.0)
    FakeFetcher.unasked.add("alerts-1")
    for _ in range(2):
        with pytest.raises(UnaskedError):
            await both.fetch("alerts", 1, 0, "S1", 1.0)
    assert [one.asked for one in FakeFetcher.made] == [["alerts-1", "alerts-1"], []]


@pytest.mark.parametrize(("seconds", "expected"), [(-1.0, UnaskedError), (0.01, UnaskedError), (0.1, KafkaAwayError)])
async def test_who_had_no_time_to_answer_was_not_asked(
    monkeypatch: pytest.MonkeyPatch, seconds: float, expected: type[KafkaAwayError]
) -> None:
    class Silent:
        def assign(self, _: list[TopicPartition]) -> None: ...

        def poll(self, timeout: float) -> None:
            time.sleep(timeout)

    monkeypatch.setattr(fetcher, "_FAIR_SECONDS", 0.05)
    place = SimpleNamespace(topic="alerts", partition=1)
    with pytest.raises(KafkaAwayError) as raised:
        fetcher._read(cast("Consumer", Silent()), cast("TopicPartition", place), time.monotonic() + seconds)
    assert raised.type is expected


async def test_what_is_fetched_in_the_background_has_a_second() -> None:
    had: list[float] = []

    async def fetch(_: int) -> None:
        had.append(left(3.0))
        raise KafkaAwayError

    waiting = {1}
    await Backlog(waiting, fetch).fetch()
    assert waiting == {1}
    assert 0 < had[0] <= 1
