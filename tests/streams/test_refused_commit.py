"""What stays of a chunk whose commit Kafka refused: its partitions are restored, and their clocks go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streams.observe.metrics import Metrics
from streams.pipeline.batch import OutputBatch
from streams.pipeline.pipeline import Pipeline
from streams.runtime.clock import Clock

pytestmark = pytest.mark.asyncio

HOUR = 3_600_000
NOW = 1_800_000_000_000


async def refused(error: str, clock: Clock, metrics: Metrics) -> None:
    """Publish a chunk in which a clock has jumped once, and of which Kafka takes nothing."""
    batch = OutputBatch()
    batch.records.append(cast("Any", ("decisions", b"", b"", 0, None, None, 0)))
    batch.tally.clock_jumps[0] += 1
    partition = SimpleNamespace(unusable={}, clock=clock)
    batch.overlays.append(cast("Any", SimpleNamespace(partition=partition)))
    with ThreadPoolExecutor(1) as thread:
        pipeline: Any = SimpleNamespace(
            _transactions=SimpleNamespace(commit=lambda _: False, refusal=error),
            _transaction_thread=thread,
            _metrics=metrics,
            _store=SimpleNamespace(partitions={0: partition}),
        )
        assert await Pipeline.publish(pipeline, batch) == {0: {}}


@pytest.mark.parametrize(("error", "ahead_ms"), [("INVALID_TIMESTAMP", 0), ("UNKNOWN_MEMBER_ID", 2 * HOUR)])
async def test_a_clock_whose_time_kafka_refuses_follows_the_machine_s(error: str, ahead_ms: int) -> None:
    wall = NOW + 2 * HOUR
    clock = Clock(0, lambda: wall, lambda: 0)
    wall = NOW  # it was put right
    clock.now(is_armed=True)
    await refused(error, clock, Metrics())
    assert clock.ahead_now(is_armed=True) == ahead_ms


async def test_a_clock_that_does_not_follow_a_jump_goes_on_not_to() -> None:
    wall = NOW
    clock = Clock(0, lambda: wall, lambda: 0)
    wall = NOW + 2 * HOUR
    clock.now(is_armed=True)
    await refused("INVALID_TIMESTAMP", clock, Metrics())  # as other partitions of the chunk may be ahead
    assert (clock.now(is_armed=True), clock.jumps) == (NOW, 1)


async def test_a_jump_counts_although_the_chunk_in_which_it_was_read_is_refused() -> None:
    metrics = Metrics()
    metrics.hold(0)
    await refused("UNKNOWN_MEMBER_ID", Clock(0), metrics)
    assert metrics.registry.get_sample_value("ronde_clock_jumps_total", {"partition": "0"}) == 1
    assert metrics.registry.get_sample_value("ronde_chunk_size_count") in {None, 0}
