"""Who holds what, by the records of a partition of `claims` (contracts.md, Claim)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract.holds import LONGEST_SECONDS, Hold, Holds

Record = tuple[str, str, int, int]  # by, action, seconds, timestamp

CASES: Final[dict[str, tuple[list[Record], str | None]]] = {
    "the first takes it": ([("a", "TAKE", 60, 0), ("b", "TAKE", 60, 1)], "a"),
    "taken over": ([("a", "TAKE", 60, 0), ("b", "TAKE_OVER", 60, 1)], "b"),
    "released": ([("a", "TAKE", 60, 0), ("a", "RELEASE", 0, 1)], None),
    "released by another": ([("a", "TAKE", 60, 0), ("b", "RELEASE", 0, 1)], "a"),
    "released, then taken": ([("a", "TAKE", 60, 0), ("a", "RELEASE", 0, 1), ("b", "TAKE", 60, 2)], "b"),
    "ended": ([("a", "TAKE", 60, 0), ("b", "TAKE", 60, 60_000)], "b"),
    "not ended yet": ([("a", "TAKE", 60, 0), ("b", "TAKE", 60, 59_999)], "a"),
    "renewed": ([("a", "TAKE", 60, 0), ("a", "RENEW", 60, 50_000), ("b", "TAKE", 60, 100_000)], "a"),
    "taken again by its holder": ([("a", "TAKE", 60, 0), ("a", "TAKE", 60, 50_000), ("b", "TAKE", 60, 100_000)], "a"),
    "renewed by another": ([("a", "TAKE", 60, 0), ("b", "RENEW", 60, 1), ("b", "RENEW", 60, 2)], "a"),
    "renewed too late": ([("a", "TAKE", 60, 0), ("a", "RENEW", 60, 60_000)], None),
    "renewed when nobody holds it": ([("a", "RENEW", 60, 0)], None),
    "a clock set back": ([("a", "TAKE", 60, 70_000), ("b", "TAKE", 60, 0), ("c", "TAKE", 60, 129_999)], "a"),
    "the time does not go back": ([("x", "RENEW", 1, 90_000), ("a", "TAKE", 60, 0), ("b", "TAKE", 60, 149_999)], "a"),
    "for longer than is allowed": ([("a", "TAKE", 9999, 0), ("b", "TAKE", 60, 1000 * LONGEST_SECONDS)], "b"),
    "an action of tomorrow": ([("a", "UNKNOWN", 60, 0)], None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_holder_follows_from_the_records(case: str) -> None:
    records, holder = CASES[case]
    holds = Holds()
    for by, action, seconds, at in records:
        holds.apply("call", by, action, seconds, at)
    hold = holds.holder("call")
    assert (None if hold is None else hold.by) == holder


def test_a_hold_ends_by_the_time_of_other_subjects_records_too() -> None:
    holds = Holds()
    assert holds.apply("call", "a", "TAKE", 60, 0) == Hold("a", 0, 60_000)
    assert holds.apply("other call", "b", "TAKE", 60, 60_000) is not None
    assert holds.holder("call") is None


def test_a_hold_ends_while_its_partition_is_quiet() -> None:
    holds = Holds()
    hold = holds.apply("call", "a", "TAKE", 60, 1000)
    assert holds.holder("call", 60_999) == hold
    assert holds.holder("call", 61_000) is None
    assert holds.holder("call") == hold, "by the records"


def test_holds_that_are_over_are_forgotten() -> None:
    holds = Holds()
    for number in range(1000):
        holds.apply(f"call {number}", "a", "TAKE", 60, 1000 * number)
    assert len(holds._holds) <= LONGEST_SECONDS + 60


def test_a_renewal_keeps_the_beginning_and_a_takeover_does_not() -> None:
    holds = Holds()
    holds.apply("call", "a", "TAKE", 60, 0)
    assert holds.apply("call", "a", "RENEW", 60, 1000) == Hold("a", 0, 61_000)
    assert holds.apply("call", "a", "TAKE_OVER", 60, 2000) == Hold("a", 0, 62_000)
    assert holds.apply("call", "b", "TAKE_OVER", 60, 3000) == Hold("b", 3000, 63_000)
    assert holds.apply("call", "a", "TAKE", 60, 3000) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["TAKE", "TAKE_OVER", "RENEW", "RELEASE"]),
            st.integers(0, 130),
            st.integers(0, 300_000),
        )
    )
)
def test_all_readers_come_to_the_same_holder(records: list[Record]) -> None:
    """One that only looks at the end, and one that looks after each record, also ahead: looking changes nothing."""
    quiet, curious = Holds(), Holds()
    for by, action, seconds, at in records:
        quiet.apply("call", by, action, seconds, at)
        curious.apply("call", by, action, seconds, at)
        curious.holder("call")
        curious.holder("call", 1_000_000)
    assert quiet.holder("call") == curious.holder("call")
