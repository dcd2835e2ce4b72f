"""The tables, and which targets are met."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report import replaced
from benchmarks.tables import SHEETS, sheet
from benchmarks.targets import Target, targets

EXACT = {"decisions_missing": 0, "calls_missing": 0, "decisions_doubled": 0, "calls_doubled": 0, "incidents_broken": 0}


def drained(contender: str, rate: float, *, counts: bool = True) -> dict[str, Any]:
    return {
        "contender": contender, "rate": rate, "per_cpu_second": rate, "cpu_seconds": 1.0, "counts": counts,
        "verdict": EXACT, "peak_mib": 100, "load": {"alerts": 300_000, "sites": 100_000},
    }  # fmt: skip


def met(record: dict[str, list[dict[str, Any]]]) -> dict[str, bool | None]:
    empty: dict[str, list[dict[str, Any]]] = {scenario: [] for scenario in SHEETS}
    return {target.what: target.is_met for target in targets({**empty, **record})}


def test_nothing_measured_is_nothing_met() -> None:
    assert set(met({}).values()) == {None}


def test_a_target_is_met_by_the_medians_of_what_counts() -> None:
    rows = [drained("ronde", 30), drained("quix", 10), drained("ronde", 90, counts=False), drained("bytewax", 20)]
    found = met({"drain": rows})
    assert found["drain, 300,000 alerts, against Quix Streams"] is True
    assert found["drain, 300,000 alerts, against Bytewax"] is False
    assert found["drain, 300,000 alerts, against plain Faust"] is None


def test_what_is_just_enough_is_enough() -> None:
    assert Target.at_least("it", 2.0, 2, "times").is_met
    assert Target.at_most("it", 2.0, 2, "s").is_met
    assert not Target.at_most("it", 2.01, 2, "s").is_met


def test_what_does_not_count_has_no_rate_in_the_table() -> None:
    made = sheet("drain", [drained("ronde", 30, counts=False)])
    assert made.lines[0][:3] == ("ronde, the whole worker, compiled", "does not count", "-")


def test_several_repetitions_show_their_range() -> None:
    made = sheet("drain", [drained("plain-loop", rate) for rate in (1000, 3000, 2000)])
    assert made.lines[0][1:3] == ("2,000 (1,000 to 3,000)", "1.00")
    assert (
        made.markdown().splitlines()[2].startswith("| a plain confluent-kafka loop | 2,000 (1,000 to 3,000) | 1.00 |")
    )


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = "before <!-- drain -->old<!-- /drain --> after <!-- life -->kept<!-- /life -->"
    assert replaced(text, "drain", "new") == (
        "before <!-- drain -->\nnew\n<!-- /drain --> after <!-- life -->kept<!-- /life -->"
    )
    with pytest.raises(ValueError, match="no marks"):
        replaced(text, "storm", "new")
