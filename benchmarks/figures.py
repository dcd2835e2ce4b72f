"""The few statistics of a measurement."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Of repetitions: the median, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None when there is nothing."""
        return cls(statistics.median(values), min(values), max(values)) if values else None

    @classmethod
    def quotient(cls, above: Mapping[int, float], below: Mapping[int, float]) -> Spread | None:
        """Of figures by repetition: that of their medians, and the range of those within a repetition.

        None when no repetition has both.
        """
        ratios = [figure / below[number] for number, figure in above.items() if number in below]
        if not ratios:
            return None
        return cls(statistics.median(above.values()) / statistics.median(below.values()), min(ratios), max(ratios))

    def text(self, form: str) -> str:
        """Return the median, and the range if there is one."""
        middle, least, most = (format(figure, form) for figure in self)
        return middle if least == most else f"{middle} ({least} to {most})"


def percentile(values: Sequence[float], share: float) -> float:
    """The least of ``values`` (sorted, not empty) that ``share`` of them do not exceed (nearest rank).

    ``share`` is from 0 (exclusive) to 1: 0.99 is the p99.
    """
    rank = -(-len(values) * share // 1)  # rounded up
    return values[max(int(rank), 1) - 1]


class Latency(NamedTuple):
    """Of many latencies: how many, and what half, 99 % and all of them do not exceed."""

    values: int
    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Latency | None:
        """None when there is nothing. The unit stays."""
        if not values:
            return None
        ranked = sorted(values)
        return cls(len(ranked), percentile(ranked, 0.5), percentile(ranked, 0.99), ranked[-1])


def milliseconds(values: Sequence[float]) -> dict[str, float] | None:
    """Latencies for the record, in ms."""
    found = Latency.of(values)
    return None if found is None else {name: round(value, 1) for name, value in found._asdict().items()}
