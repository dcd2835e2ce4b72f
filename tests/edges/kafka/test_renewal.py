"""A client that no broker answers gives way to another one, wherever nothing was written by it yet.

librdkafka's own do not find back from an answer without brokers (librdkafka #5301); no broker says so on purpose, so a
client that asks at a port where nobody listens stands for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from edges.desk.leaders import Leaders
from edges.kafka import clients, renewal
from edges.kafka.errors import KafkaAwayError
from edges.kafka.fetcher import Fetcher
from edges.kafka.renewal import LONGEST_SECONDS, UNANSWERED_SECONDS, Renewal
from edges.settings import Connection
from tests.edges.kafka.test_kafka import S1, Book, producing, record, until_age, viewing

Make = Callable[..., Any]


@pytest.fixture
def deaf_first(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have so many clients of each kind that are made next ask where nobody listens."""

    def deaf(count: int) -> None:
        monkeypatch.setattr(renewal, "UNANSWERED_SECONDS", 0.5)
        for kind in ("producer", "reader"):
            monkeypatch.setattr(clients, kind, first_deaf(getattr(clients, kind), count))

    return deaf


def first_deaf(make: Make, count: int) -> Make:
    left = [count]

    def made(connection: Connection, *arguments: Any, **keywords: Any) -> Any:
        left[0] -= 1
        nowhere = {"bootstrap.servers": "127.0.0.1:1"}
        if left[0] >= 0:
            consumer, producer = {**connection.consumer, **nowhere}, {**connection.producer, **nowhere}
            connection = replace(connection, consumer=consumer, producer=producer)
        return make(connection, *arguments, **keywords)

    return made


def test_another_client_is_due_less_and_less_often_until_one_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(renewal, "time", clock)
    judge, due = Renewal(), []
    for second in range(2000):
        clock.now = float(second)
        if judge.is_due():
            due.append(second)
    assert due == [30, 90, 210, 450, 930, 1530]
    assert LONGEST_SECONDS == 600
    judge.answered()
    clock.now += 3600  # in which nothing was asked
    assert not judge.is_due()
    clock.now += UNANSWERED_SECONDS
    assert judge.is_due()


@pytest.mark.asyncio
async def test_a_view_and_those_that_ask_for_its_ends_find_back(
    connection: Connection, deaf_first: Callable[[int], None]
) -> None:
    async with producing(connection) as producer:
        await producer.send(record(1))
    deaf_first(2)
    book = Book()
    async with viewing(connection, book) as view:
        assert [entry.key for entry in await book.has(1)] == ["S1"]
        await until_age(view, below=2)


@pytest.mark.asyncio
async def test_a_producer_starts_and_its_pulse_finds_back(
    connection: Connection, deaf_first: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = clients.reader
    deaf_first(1)
    pulses = iter([Mock()])  # never answered, as a real one's close would wait for its commit

    def reader(*arguments: Any, **keywords: Any) -> Any:
        return next(pulses, None) or made(*arguments, **keywords)

    monkeypatch.setattr(clients, "reader", reader)
    async with producing(connection) as producer:
        assert producer.recreated == 1
        await producer.send(record(1), seconds=30)
        await asyncio.sleep(3)  # with nothing else acknowledged, the pulse alone is
        async with asyncio.timeout(30):
            while producer.silent_seconds > 2:  # noqa: ASYNC110  # nobody would set an event
                await asyncio.sleep(0.05)


@pytest.mark.asyncio
async def test_a_record_is_fetched(connection: Connection, deaf_first: Callable[[int], None]) -> None:
    async with producing(connection) as producer:
        await producer.send(record(1))
    deaf_first(1)
    fetcher = Fetcher(connection)
    async with asyncio.timeout(30):
        while True:
            with suppress(KafkaAwayError):
                assert await fetcher.fetch("signals", S1, 0, "S1", 1.0) == b"value 1"
                break
    await fetcher.stop()


@pytest.mark.asyncio
async def test_who_leads_is_found_out(connection: Connection, deaf_first: Callable[[int], None]) -> None:
    deaf_first(1)
    leaders = Leaders(connection, ("signals",))
    async with asyncio.timeout(30):
        while not await leaders.look():  # noqa: ASYNC110  # nobody would set an event
            await asyncio.sleep(0.05)
    assert leaders.led == {0, 1, 2}
    await asyncio.to_thread(leaders.close)
