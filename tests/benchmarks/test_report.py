"""The tables, and which targets are met."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.figures import Spread
from benchmarks.report import replaced, source
from benchmarks.tables import SHEETS, sheet
from benchmarks.targets import Target, targets

EXACT = {"decisions_missing": 0, "calls_missing": 0, "decisions_doubled": 0, "calls_doubled": 0, "incidents_broken": 0}


def drained(contender: str, rate: float, repetition: int = 1, *, counts: bool = True) -> dict[str, Any]:
    return {
        "contender": contender, "repetition": repetition,
        "rate": rate, "per_cpu_second": rate, "cpu_seconds": 1.0, "counts": counts,
        "verdict": EXACT, "peak_mib": 100, "load": {"alerts": 300_000, "sites": 100_000},
    }  # fmt: skip


def met(record: dict[str, list[dict[str, Any]]]) -> dict[str, bool | None]:
    empty: dict[str, list[dict[str, Any]]] = {scenario: [] for scenario in SHEETS}
    return {target.what: target.is_met for target in targets({**empty, **record})}


def test_nothing_measured_is_nothing_met() -> None:
    assert set(met({}).values()) == {None}


def test_a_target_is_met_by_the_medians_of_what_counts() -> None:
    rows = [drained("ronde", 30), drained("quix", 10), drained("ronde", 90, 2, counts=False), drained("bytewax", 20)]
    found = met({"drain": rows})
    assert found["drain, 300,000 alerts, against Quix Streams"] is True
    assert found["drain, 300,000 alerts, against Bytewax, at least once"] is False
    assert found["drain, 300,000 alerts, against plain Faust, in memory, at least once"] is None


def test_what_is_just_enough_is_enough() -> None:
    assert Target.at_least("it", Spread(2.0, 2.0, 2.0), 2, "times").verdict == "met"
    assert Target.at_most("it", Spread(2.0, 2.0, 2.0), 2, "s").verdict == "met"
    assert Target.at_most("it", Spread(2.01, 2.01, 2.01), 2, "s").verdict == "**missed**"


def test_a_median_that_not_every_repetition_bears_out_says_so() -> None:
    rows = [
        *(drained("ronde", rate, repetition) for repetition, rate in ((1, 30), (2, 20), (3, 40))),
        *(drained("streams-rocksdb", rate, repetition) for repetition, rate in ((1, 25), (2, 25), (3, 20))),
    ]
    empty: dict[str, list[dict[str, Any]]] = {scenario: [] for scenario in SHEETS}
    target = next(each for each in targets({**empty, "drain": rows}) if "RocksDB" in each.what)
    assert target.found == "1.20 (0.80 to 2.00)"
    assert target.verdict == "met by the median"
    assert Target.at_most("it", Spread(2.5, 1.5, 3.0), 2, "s").verdict == "**missed** by the median"


def test_repetitions_that_have_not_both_compare_nothing() -> None:
    rows = [drained("ronde", 30, 1), drained("quix", 10, 2)]
    assert met({"drain": rows})["drain, 300,000 alerts, against Quix Streams"] is None


def test_a_contender_that_failed_is_named_and_the_others_stay() -> None:
    failed = {"contender": "quix", "repetition": 2, "counts": False, "failure": "TimeoutError: it decided nothing"}
    where = {"commit": "abc", "machine": "this", "measured_at": "2026-01-31T20:00:00+00:00"}
    rows = [{**where, **drained("ronde", 30)}, {**where, **failed}]
    assert [line[0] for line in sheet("drain", rows).lines] == ["ronde, the whole worker, compiled"]
    assert met({"drain": rows})["drain, 300,000 alerts, against Quix Streams"] is None
    assert source(rows).endswith("Quix Streams failed in repetition 2.")


def test_a_run_beside_which_others_used_the_machine_stands_out() -> None:
    noise = [{"neighbours": {"others_cores": cores, "stolen_cores": 0.02}} for cores in (0.01, 0.40)]
    rows = [{**drained("ronde", 30, number), **noise[number - 1]} for number in (1, 2)]
    assert sheet("drain", rows).lines[0][-2:] == ("2", "**0.42**")
    assert sheet("drain", rows[:1]).lines[0][-1] == "0.03"
    assert sheet("drain", [drained("ronde", 30)]).lines[0][-1] == "-"


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
