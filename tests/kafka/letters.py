"""Dead letters on a test's topics: written as the worker writes them, and settled by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streams.formats.message import Headers
from streams.kafka.reading import LogRecord, Logs, Span
from tests.conftest import Run
from tests.kafka.world import World


@contextmanager
def reading(world: World) -> Iterator[Logs]:
    logs = Logs(world.settings)
    try:
        yield logs
    finally:
        logs.close()


def records(world: World, topic: str) -> list[LogRecord]:
    """Everything committed on a topic."""
    with reading(world) as logs:
        wanted = [(topic, number) for number in range(world.settings.topics.partitions)]
        ends = logs.offsets.high_watermarks(wanted)
        return [record for log in wanted for record in logs.read(Span(*log, 0, ends[log]))]


def put_away(
    world: World,
    key: str,
    value: bytes | None,
    *,
    topic: str = "alerts",
    reason: str = "FAILED",
    offset: int = 7,
    headers: Headers | None = None,
    error: str = "ValueError: no",
    number: int | None = None,
) -> str:
    """Write a dead letter as the worker does; its id."""
    home = world.home(key) if number is None else number
    marks = put_away_headers(topic, home, offset=offset, reason=reason, error=error)
    partition, at = world.put("dead-letters", value, key, home, [*(headers or []), *marks])
    return f"{partition}-{at}"


def put_away_headers(topic: str, partition: int, **more: Any) -> Headers:
    """The five headers of a dead letter."""
    told = {"topic": topic, "partition": partition, "offset": 7, "reason": "FAILED", "error": "", **more}
    return [(f"dlq.{name}", str(text)) for name, text in told.items()]


def settled(run: Run, *arguments: Any) -> dict[str, str]:
    """What a command said became of each letter."""
    ran = run("dlq", *arguments, "--json")
    assert ran.out, ran.err
    return {one["id"]: one["outcome"] for one in json.loads(ran.out)["settled"]}
