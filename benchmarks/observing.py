"""The cost of metrics: counting each chunk, and rendering the page (docs/sizing.md).

``python -m benchmarks.observing [--sites N] [--chunk N] [--rounds N]`` plays alerts through the worker's own stages, as
`benchmarks.stages` does, once as it is and once without counting: outputs are written and not counted, a commit keeps
no bytes, and nothing is shown. The two take turns, many times and shortly, so that what else the machine does falls on
both; the median of the rounds counts, in CPU time. What is left in both is to add one to how an input ended, and the
phases.

The page is made as a scrape has it made, of a worker that holds all partitions and has seen every name.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

from prometheus_client import generate_latest

from benchmarks.stages import Run, night
from service import gc_control
from streams.observe.chunk_metrics import Tally
from streams.observe.metrics import Metrics
from streams.pipeline.records import RecordBuilder
from streams.settings import Settings, load
from streams.state.partition import Partition, SiteBytes

SCRAPE_SECONDS: Final = 15


def _write(self: RecordBuilder, _outputs: Iterable[Any], records: list[Any]) -> None:
    self.records += records


def _put_state(self: Partition, site_id: str, value: bytes | None) -> None:
    if value is None:
        del self.states[site_id]
    else:
        self.states[site_id] = value


def _put_site(self: Partition, site_id: str, site: SiteBytes | None) -> None:
    if site is None:
        self.sites.pop(site_id, None)
    else:
        self.sites[site_id] = site


def _count(_self: Metrics, _tally: Tally) -> None:
    """Count nothing."""


@contextmanager
def unseen() -> Iterator[None]:
    """Switch counting off."""
    with (
        patch.object(RecordBuilder, "write", _write),
        patch.object(Partition, "put_state", _put_state),
        patch.object(Partition, "put_site", _put_site),
        patch.object(Metrics, "count", _count),
    ):
        yield


def play(sites: list[bytes], ids: list[str], turns: list[list[Any]], chunk: int, settings: Settings) -> float:
    """Seconds of CPU for all of it."""
    run = Run(sites, ids, settings)
    spent: dict[str, float] = {}
    for messages in turns:
        run.now += 5000
        for begin in range(0, len(messages), chunk):
            run.chunk(messages[begin : begin + chunk], spent)
    return sum(spent.values())


def page(partitions: int) -> tuple[float, int]:
    """Seconds of CPU, and bytes, of `/metrics`."""
    metrics = Metrics(["security/1", "fire/1"], partitions)
    for number in range(partitions):
        metrics.hold(number)
        for gauge in (metrics.state_records, metrics.state_bytes, metrics.site_records, metrics.site_bytes):
            gauge.labels(number).set(1)
    times = []
    for _ in range(20):
        begun = time.process_time()
        text = generate_latest(metrics.registry)
        times.append(time.process_time() - begun)
    return min(times), len(text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=2000)
    parser.add_argument("--chunk", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    settings = load(None, {"RONDE_TOPICS__PARTITIONS": "6"})
    sites, ids, turns = night(options.sites, settings)
    gc_control.collect_between_chunks()
    seen, not_seen = [], []
    for number in range(options.rounds):
        if number % 2:
            seen.append(play(sites, ids, turns, options.chunk, settings))
        with unseen():
            not_seen.append(play(sites, ids, turns, options.chunk, settings))
        if not number % 2:  # who goes second finds the memory laid out
            seen.append(play(sites, ids, turns, options.chunk, settings))
    alerts = options.sites * len(turns)
    costs = sorted((one - other) / alerts * 1e6 for one, other in zip(seen, not_seen, strict=True))
    whole = statistics.median(seen) / alerts * 1e6
    cost, low, high = statistics.median(costs), costs[len(costs) // 4], costs[-len(costs) // 4]
    sys.stdout.write(f"an alert    {whole:6.2f} µs of CPU\n")
    sys.stdout.write(
        f"counting it {cost:6.2f} µs (half of the rounds: {low:.2f} to {high:.2f}), {cost / whole * 100:.1f} %\n"
    )
    for partitions in (6, 48):
        seconds, size = page(partitions)
        share = seconds / SCRAPE_SECONDS * 100
        sys.stdout.write(
            f"/metrics of {partitions} partitions: {seconds * 1000:.1f} ms, {size / 1000:.0f} kB; "
            f"{share:.3f} % of a core at a scrape every {SCRAPE_SECONDS} s\n"
        )


if __name__ == "__main__":
    main()
