"""A figure counts only if every output is there, once: what is missing or doubled must be seen."""

from __future__ import annotations

import pytest

from benchmarks.evidence import Decided, Verdict, judge

ALERTS = {"a1", "a2", "a3"}
SITES = {"s1", "s2"}
# Site s1 opens with a1 and merges a2; site s2 opens with a3.
DECISIONS = [Decided("a1", "i1", 1, 1000), Decided("a2", "i1", 2, 1001), Decided("a3", "i2", 1, 1002)]
CALLS = ["s1", "s2"]


def verdict(decisions: list[Decided] = DECISIONS, calls: list[str] = CALLS) -> Verdict:
    return judge(decisions, calls, ALERTS, SITES)


def test_all_there_once_is_exact() -> None:
    assert verdict().is_exact
    assert verdict(decisions=list(reversed(DECISIONS))).is_exact  # partitions are read in any order


def test_nothing_at_all_is_not_exact() -> None:
    found = verdict([], [])
    assert (found.decisions_missing, found.calls_missing) == (3, 2)
    assert not found.is_complete


def test_a_missing_decision_is_missing() -> None:
    found = verdict(DECISIONS[:-1])
    assert found.decisions_missing == 1
    assert not found.is_complete
    assert not found.is_exact


def test_a_missing_call_is_missing() -> None:
    found = verdict(calls=["s1"])
    assert found.calls_missing == 1
    assert not found.is_exact


def test_a_call_twice_hides_no_missing_one() -> None:
    found = verdict(calls=["s1", "s1"])
    assert (found.calls_missing, found.calls_doubled) == (1, 1)
    assert not found.is_exact


def test_a_decision_twice_is_doubled_and_its_incident_broken() -> None:
    found = verdict([*DECISIONS, DECISIONS[1]])
    assert (found.decisions_missing, found.decisions_doubled, found.incidents_broken) == (0, 1, 1)
    assert found.is_complete
    assert not found.is_exact


@pytest.mark.parametrize("versions", [(1, 3), (2, 3), (1, 1)])
def test_versions_with_a_gap_or_a_repeat_are_a_broken_incident(versions: tuple[int, int]) -> None:
    first, second = versions
    found = verdict([Decided("a1", "i1", first, 0), Decided("a2", "i1", second, 0), Decided("a3", "i2", 1, 0)])
    assert found.incidents_broken == 1
    assert not found.is_exact


def test_what_was_never_asked_is_a_stranger() -> None:
    found = verdict([*DECISIONS, Decided("a9", "i9", 1, 0)], [*CALLS, "s9"])
    assert found.strangers == 2
    assert not found.is_exact
