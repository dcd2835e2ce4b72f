"""A pool whose PostgreSQL is away, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Final

import pytest
from psycopg_pool import PoolTimeout
from psycopg_pool.pool_async import AddConnection

from edges.database.postgres import opened, pool
from service.postgres_settings import PostgresSettings

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

# Of its first two connections each is tried for three times at most, then given up: a question begins with the next.
TRIES: Final = 7
LONGEST_PAUSE_SECONDS: Final = 1.1


async def test_who_asks_finds_it_soon_after_an_outage(
    database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(database.host, database.port)
        await asyncio.gather(_copied(reader, questions), _copied(answers, writer))

    with socket.socket() as door:  # refuses until somebody listens
        door.bind((database.host, 0))
        connections = pool(database.model_copy(update={"port": door.getsockname()[1]}), "test")
        schedule = connections.schedule_task
        pauses: list[float] = []

        async def noted(task: Any, delay: float) -> None:
            if isinstance(task, AddConnection):
                pauses.append(delay)
            await schedule(task, delay)

        monkeypatch.setattr(connections, "schedule_task", noted)
        async with opened(connections):
            while connections.get_stats().get("connections_errors", 0) < TRIES:
                with pytest.raises(PoolTimeout):
                    async with connections.connection(timeout=0.1):
                        pass
            assert max(pauses) <= LONGEST_PAUSE_SECONDS
            with contextlib.closing(await asyncio.start_server(passed_on, sock=door)):
                async with connections.connection(timeout=60) as connection:
                    await connection.execute("SELECT 1")


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer), contextlib.suppress(OSError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
