"""The canary's link tests: a receiver that is off is found, one that has just come back with its Kafka is not."""

from __future__ import annotations

import asyncio
import contextlib
from unittest.mock import Mock

import pytest

from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.reading import now_ms
from edges.watchdog.settings import WatchdogSettings
from edges.watchdog.sounding import Sounder


@pytest.mark.asyncio
async def test_a_receiver_has_the_time_of_a_round_after_an_outage_of_kafka() -> None:
    async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(is_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = WatchdogSettings(
        id="w", canary_account="CA11", canary_receiver=f"127.0.0.1:{port}",
        canary_every_seconds=2, canary_within_seconds=1, link_seconds=1,
    )  # fmt: skip
    is_current = False
    sounder = Sounder(settings, "canary", Mock(), Mock(), WatchdogMetrics(), lambda: is_current)
    task = asyncio.create_task(sounder._test_the_link())
    try:
        for _ in range(15):  # Kafka is away: the receiver may not answer
            await asyncio.sleep(0.1)
            sounder.judge(now_ms())
            assert sounder.receiver() is None
        is_current, back_at = True, now_ms()
        async with asyncio.timeout(60):
            while (finding := sounder.receiver()) is None:
                await asyncio.sleep(0.05)
                sounder.judge(now_ms())
        assert finding.since - back_at >= 1000, "of a test that began when receiver and engine had had their time"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()
        await server.wait_closed()
