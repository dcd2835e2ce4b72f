"""The histogram that takes a chunk's observations at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

FAMILY: Final = "family"  # the key of a field's family in its metadata


class Series:
    """A histogram's observations under one set of label values."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self._bounds = bounds

    def observe(self, value: float) -> None:
        """One observation."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def observe_all(self, values: Iterable[float]) -> None:
        """Many observations."""
        counts, bounds = self.counts, self._bounds
        total = 0.0
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            total += value
        self.sum += total


class Histogram(Collector):
    """A histogram that takes a chunk's observations at once; the library's takes one at a time."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: tuple[str, ...],
        *,
        unit: str,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = f"{name}_{unit}"
        self._documentation = documentation
        self._labelnames = labelnames
        self._unit = unit
        self._bounds = tuple(map(float, buckets))
        self._series: dict[tuple[str, ...], Series] = {}
        if not labelnames:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> Series:
        """The observations under these label values."""
        return self._series.setdefault(values, Series(self._bounds))

    def observe(self, value: float) -> None:
        """One observation, of a histogram without labels."""
        self._series[()].observe(value)

    def observe_all(self, values: Iterable[float]) -> None:
        """Many observations, of a histogram without labels."""
        self._series[()].observe_all(values)

    def collect(self) -> Iterator[Metric]:
        """Yield the family as a scrape reads it."""
        bounds = [*map(str, self._bounds), "+Inf"]
        family = self._family()
        for labels, series in self._series.items():
            family.add_metric(labels, list(zip(bounds, accumulate(series.counts), strict=True)), series.sum)
        yield family

    def describe(self) -> Iterator[Metric]:
        """The family without its values: what the registry checks names by."""
        yield self._family()

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames, unit=self._unit)
