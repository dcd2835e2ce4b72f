"""The guard against getting slower: the ratio to the plain loop, beside the one last committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.contenders import BASE, SHIPPED
from benchmarks.drain import Load
from benchmarks.figures import Spread
from benchmarks.record import where

REFERENCE: Final = Path(__file__).resolve().parent / "reference.json"
LOAD: Final = Load(120_000, 40_000)
# A ratio of two medians of three wanders this much on a machine that does other things beside.
USUAL: Final = 0.15


class Ratio(NamedTuple):
    """How many times the plain loop's rate ours is: the median of the repetitions' ratios, and their range."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, rows: list[dict[str, Any]]) -> Ratio | None:
        """Each repetition has one row of either; None when no repetition has both, counting."""
        rates = {(row["repetition"], row["contender"]): row["rate"] for row in rows if row["counts"] and "rate" in row}
        ratios = [rate / rates[number, BASE] for (number, name), rate in rates.items()
                  if name == SHIPPED and (number, BASE) in rates]  # fmt: skip
        spread = Spread.of(ratios)
        return None if spread is None else cls(*spread)


def compare(ratio: Ratio) -> str:
    """The sentence that is printed."""
    mine = f"ronde / {BASE}: {ratio.median:.2f} ({ratio.least:.2f} to {ratio.most:.2f})"
    if not REFERENCE.exists():
        return f"{mine}; none is committed to compare it with"
    last = json.loads(REFERENCE.read_text(encoding="utf-8"))
    change = ratio.median / last["ratio"] - 1
    word = "as it was" if abs(change) <= USUAL else "slower than it was" if change < 0 else "faster than it was"
    return (
        f"{mine}; the last one committed: {last['ratio']:.2f} ({last['least']:.2f} to {last['most']:.2f}), "
        f"at {last['commit']} on {last['machine']}. That is {change:+.0%}: {word}"
    )


def commit(ratio: Ratio) -> None:
    """Make this the one to compare with."""
    kept = {"ratio": round(ratio.median, 3), "least": round(ratio.least, 3), "most": round(ratio.most, 3)}
    text = json.dumps({**kept, "load": LOAD._asdict(), **where()}, indent=2)
    REFERENCE.write_text(f"{text}\n", encoding="utf-8")
