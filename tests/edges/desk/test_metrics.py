"""What a desk's `/metrics` shows."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from edges.desk.process import DeskProcess
from edges.desk.reader import STALE_SECONDS
from edges.desk.settings import DeskConfiguration, DeskSettings
from edges.desk.writer import WRITTEN
from edges.kafka.producer import Producer
from edges.settings import Connection
from edges.web.settings import WebSettings
from tests.edges.desk.scene import T0, Desk, Scene

SHOW: Final = """
from prometheus_client import generate_latest
from edges.desk.metrics import DeskMetrics
print(generate_latest(DeskMetrics().registry).decode())
"""


def test_counters_have_no_second_series() -> None:
    # In a process of its own: what says so for one registry says so for all.
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True).stdout
    assert "ronde_desk_words_total" in shown
    assert "_created" not in shown


@pytest.mark.asyncio
async def test_a_call_of_a_partition_that_is_read_waits_whatever_others_are_behind() -> None:
    first, second = Scene(0), Scene(1)
    for scene, site_id, at in ((first, "S1", 10), (second, "S2", 40)):
        scene.site(site_id)
        scene.alert(at, alert_id=f"A-{site_id}", site_id=site_id)
    read = Desk([*first.records, *second.records], at=60)
    assert len(read.items()) == 2
    away = {"bootstrap.servers": "127.0.0.1:1"}
    connection = Connection("none.", "none", 2, away, away)
    process = DeskProcess(DeskConfiguration(DeskSettings(port=0), cast("WebSettings", None), connection, 0))
    producer = Producer(connection, WRITTEN)
    run = process._new_run(producer, {})
    try:
        run.state, run._work = read.state, read.work
        run._clock = cast("Any", SimpleNamespace(now=lambda: T0 + 60_000, differs_ms=0))

        def oldest(*behind: int) -> float | None:
            run._show_metrics([STALE_SECONDS + 1 if partition in behind else 0.0 for partition in range(2)], [*behind])
            return process._metrics.registry.get_sample_value("ronde_desk_oldest_unclaimed_seconds")

        assert oldest() == 50
        assert oldest(1) == 50
        assert oldest(0) == 20  # that somebody took the other may not be read yet
        assert oldest(0, 1) == 0
    finally:
        await run.fetchers.stop()
        await run.reader.stop()
        await producer.stop()
