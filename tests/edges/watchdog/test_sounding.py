"""The canary's link tests: a receiver that is off is found, one that has just come back with its Kafka is not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from unittest.mock import Mock

import pytest

from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.reading import now_ms
from edges.watchdog.settings import WatchdogSettings
from edges.watchdog.sounding import Sounder


@pytest.mark.asyncio
async def test_a_receiver_has_the_time_of_a_round_after_an_outage_of_kafka() -> None:
    server = socket.create_server(("127.0.0.1", 0))  # connections wait to be accepted
    port = server.getsockname()[1]
    settings = WatchdogSettings(
        id="w", canary_account="CA11", canary_receiver=f"127.0.0.1:{port}",
        canary_every_seconds=2, canary_within_seconds=1, link_seconds=1,
    )  # fmt: skip
    is_current = False
    sounder = Sounder(settings, "canary", Mock(), Mock(), WatchdogMetrics(), lambda: is_current, lambda: is_current)
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


def made(is_fresh: Mock, is_current: Mock) -> Sounder:
    settings = WatchdogSettings(id="w", canary_account="CA11", canary_receiver="127.0.0.1:1")
    return Sounder(settings, "canary", Mock(), Mock(), WatchdogMetrics(), is_current, is_fresh)


def rounds(sounder: Sounder, outcome: str) -> float | None:
    return sounder._metrics.registry.get_sample_value("ronde_watchdog_canary_rounds_total", {"outcome": outcome})


def test_a_round_during_which_what_is_read_grew_old_is_void_and_many_of_them_are_reported() -> None:
    """Kafka that freezes amid a round is reported by its own name, and before that by no other."""
    is_fresh, is_current = Mock(return_value=True), Mock(return_value=True)
    sounder = made(is_fresh, is_current)
    now = 1_790_000_000_000
    for minute in range(1, 7):
        sounder._canary.begin(now)
        for second in range(60):
            is_fresh.return_value = second not in {5, 6}
            finding = sounder.judge(now + 1000 * second)
            assert (finding is not None) == (minute == 6 and second > 0), "five rounds without a verdict"
        now += 60_000
    assert (rounds(sounder, "void"), rounds(sounder, "failed")) == (6, 0)
    is_fresh.return_value = True
    sounder._canary.begin(now)
    for second in range(22):
        finding = sounder.judge(now + 1000 * second)
    assert finding is not None
    assert finding.detail == "the receiver has not acknowledged its frame"
    assert rounds(sounder, "failed") == 1
    is_current.return_value = False
    sounder.judge(now + 30_000)
    assert sounder._judged_at is None, "while Kafka is away, that alone is reported"
