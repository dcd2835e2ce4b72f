"""PostgreSQL stands still: who asked is answered in time, and what was asked goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from edges.database.postgres import Pool
from edges.errors import DatabaseAwayError
from edges.partners.store import Attempt, Store
from service.postgres import connect
from tests.edges.partners.serving import Served, command
from tests.machine import stretched


class StillPool:
    """Its server stands still: a question neither ends nor lets itself be cancelled, until it is ``thawed``."""

    def __init__(self) -> None:
        self.thawed = asyncio.Event()
        self.asked = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        self.asked += 1
        try:
            await self.thawed.wait()
        finally:
            await self.thawed.wait()
        yield self

    async def execute(self, *_: Any) -> Any:
        return self

    description = None


@pytest.mark.asyncio
async def test_who_asks_is_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.partners.store.SECONDS", 0.05)
    pool = StillPool()
    asking = asyncio.create_task(Store(cast("Pool", pool), "p", 1).dispatch("i1-d1"))
    await asyncio.wait({asking}, timeout=stretched(5))
    is_answered = asking.done()
    pool.thawed.set()
    with pytest.raises(DatabaseAwayError):
        await asking
    assert is_answered


@pytest.mark.asyncio
async def test_what_is_asked_again_and_again_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.partners.store.SECONDS", 0.05)
    pool = StillPool()
    store = Store(cast("Pool", pool), "p", 1)
    for _ in range(3):
        for ask in (lambda: store.claim([], []), store.give_up):
            with pytest.raises(DatabaseAwayError):
                await ask()
    asked = pool.asked
    monkeypatch.setattr("edges.partners.store.SECONDS", 60.0)
    pool.thawed.set()
    assert asked == 2, "one of each"
    assert await store.claim([], []) == []
    await store.give_up()
    assert pool.asked == 4


def test_what_is_claimed_for_nobody_is_given_back(partners: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    partners.put(command("i1-d1", "CANCEL"))
    monkeypatch.setattr("edges.partners.store.SECONDS", 0.05)
    with connect(partners.settings, "test") as session, session.transaction():
        session.execute("LOCK TABLE partners.partners")
        with pytest.raises(DatabaseAwayError):
            partners.run(partners.store.claim([], []))
        monkeypatch.setattr("edges.partners.store.SECONDS", 60.0)
    full: list[str] = ["azur"]  # which has room for first attempts alone
    attempts: list[Attempt] = partners.run(partners.store.claim(full, []))
    assert [(attempt.command_id, attempt.number) for attempt in attempts] == [("i1-d1-c1", 1)]
    assert partners.sql("SELECT command_id, number FROM partners.attempts") == [("i1-d1-c1", 1)]
