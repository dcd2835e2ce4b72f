"""The guard against getting slower."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quick
from benchmarks.quick import Ratio, compare


def row(contender: str, repetition: int, rate: float, *, counts: bool = True) -> dict[str, Any]:
    return {"contender": contender, "repetition": repetition, "rate": rate, "counts": counts}


def test_the_ratio_is_that_of_the_same_repetition() -> None:
    rows = [row("ronde", 1, 10), row("plain-loop", 1, 20), row("ronde", 2, 30), row("plain-loop", 2, 30)]
    assert Ratio.of(rows, "ronde") == Ratio(0.75, 0.5, 1.0)


def test_what_does_not_count_gives_no_ratio() -> None:
    assert Ratio.of([row("ronde", 1, 10, counts=False), row("plain-loop", 1, 20)], "ronde") is None


@pytest.mark.parametrize(("median", "word"), [(0.5, "as it was"), (0.3, "slower than it was"), (0.7, "faster than")])
def test_it_says_whether_it_became_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, median: float, word: str
) -> None:
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"ratios": {"ronde": [0.5, 0.4, 0.6]}, "commit": "abc", "machine": "this"}))
    monkeypatch.setattr(quick, "REFERENCE", reference)
    said = compare("ronde", Ratio(median, median, median))
    assert word in said
    assert "abc" in said


def test_without_a_reference_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "REFERENCE", tmp_path / "none.json")
    assert "none is committed" in compare("ronde", Ratio(0.5, 0.4, 0.6))
