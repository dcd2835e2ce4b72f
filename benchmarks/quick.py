"""The guard against getting slower: the ratio to the plain loop, beside the one last committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.contenders import BASE
from benchmarks.drain import Load
from benchmarks.figures import Spread
from benchmarks.record import where

REFERENCE: Final = Path(__file__).resolve().parent / "reference.json"
LOAD: Final = Load(120_000, 40_000)
# A ratio of two medians of three wanders this much on a machine that does other things beside.
USUAL: Final = 0.15


class Ratio(NamedTuple):
    """How many times the plain loop's rate is ours: the median of the repetitions' ratios, and their range."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, rows: list[dict[str, Any]], name: str) -> Ratio | None:
        """Each repetition has one row of either; None when no repetition has both, counting."""
        rates = {(row["repetition"], row["contender"]): row["rate"] for row in rows if row["counts"] and "rate" in row}
        repetitions = {repetition for repetition, _ in rates}
        spread = Spread.of(
            [
                rates[number, name] / rates[number, BASE]
                for number in repetitions
                if {(number, name), (number, BASE)} <= rates.keys()
            ]
        )
        return None if spread is None else cls(*spread)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def compare(name: str, ratio: Ratio) -> str:
    """The sentence that is printed for one form of the worker."""
    mine = f"{name} / {BASE}: {ratio}"
    last = json.loads(REFERENCE.read_text(encoding="utf-8")) if REFERENCE.exists() else {"ratios": {}}
    if name not in last["ratios"]:
        return f"{mine}; none is committed to compare it with"
    before = Ratio(*last["ratios"][name])
    change = ratio.median / before.median - 1
    word = "as it was" if abs(change) <= USUAL else "slower than it was" if change < 0 else "faster than it was"
    return f"{mine}; committed: {before}, of {last['commit']} on {last['machine']}. That is {change:+.0%}: {word}"


def commit(ratios: dict[str, Ratio]) -> None:
    """Make these the ones to compare with."""
    kept = {name: [round(figure, 3) for figure in ratio] for name, ratio in ratios.items()}
    text = json.dumps({"ratios": kept, "load": LOAD._asdict(), **where()}, indent=2)
    REFERENCE.write_text(f"{text}\n", encoding="utf-8")
