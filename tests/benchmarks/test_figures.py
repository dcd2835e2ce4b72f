"""The statistics of a measurement."""

from __future__ import annotations

import pytest

from benchmarks.figures import Latency, Spread, percentile


def test_a_spread_is_median_least_and_most() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    assert Spread.of([5.0]) == (5.0, 5.0, 5.0)
    assert Spread.of([]) is None


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_one_value_is_every_percentile() -> None:
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


def test_latencies_need_not_be_sorted() -> None:
    assert Latency.of([3.0, 1.0, 2.0, 4.0]) == Latency(values=4, p50=2.0, p99=4.0, most=4.0)
    assert Latency.of([]) is None
