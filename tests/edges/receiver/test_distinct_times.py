"""What comes of one id in the same millisecond has another time."""

from __future__ import annotations

from edges.receiver.distinct_times import DistinctTimes


def test_the_same_id_in_one_millisecond_gets_the_next() -> None:
    times = DistinctTimes(10)
    assert [times.at("a", now) for now in (1000, 1000, 1001)] == [1000, 1001, 1002]
    assert times.at("b", 1000) == 1000
    assert times.at("a", 2000) == 2000
    assert times.at("a", 1500) == 2001, "also where the clock was set back"


def test_the_id_that_came_longest_ago_is_forgotten_first() -> None:
    times = DistinctTimes(2)
    for key in ("a", "b", "a", "c"):  # b goes: a came once more
        times.at(key, 1000)
    assert times.at("a", 1000) == 1002
    assert times.at("b", 1000) == 1000
