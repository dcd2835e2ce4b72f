"""Which frames are repeats, told as what a panel sends."""

from __future__ import annotations

from typing import Final

import hypothesis.strategies as st
import pytest
from hypothesis import given

from edges.receiver.repeats import REMEMBERED_MS, Entry, Identity, KeptEvent, Repeats
from tests.support.examples import examples

MINUTE: Final = 60_000


def entry(identity: Identity, at: int, *, is_repeat: bool = False) -> Entry:
    return Entry(identity, 1, is_repeat, KeptEvent(None, None), "S1", at, at)


class Panel:
    """Sends frames; `says` is whether the receiver takes one for new."""

    def __init__(self) -> None:
        self.repeats = Repeats()

    def is_new(self, sequence: int, body: str, at: int) -> bool:
        identity = Identity("1234", f"{sequence:04d}", body)
        is_repeat = self.repeats.first_copy(identity, at) is not None
        self.repeats.learn(entry(identity, at, is_repeat=is_repeat), at)
        return not is_repeat


def test_the_same_again_is_a_repeat_for_ten_minutes_after_its_last_copy() -> None:
    panel = Panel()
    assert panel.is_new(7, "burglary", 0)
    assert not panel.is_new(7, "burglary", 9 * MINUTE)
    assert not panel.is_new(7, "burglary", 19 * MINUTE)
    assert panel.is_new(7, "burglary", 29 * MINUTE + 1)


def test_another_body_under_the_same_number_is_new() -> None:
    panel = Panel()
    assert panel.is_new(7, "burglary", 0)
    assert panel.is_new(7, "fire", 1000)


def test_a_repeat_after_later_numbers_is_still_a_repeat() -> None:
    panel = Panel()
    assert panel.is_new(7, "burglary", 0)
    assert panel.is_new(8, "restore", 1000)
    assert not panel.is_new(7, "burglary", 2000)


def test_a_panel_that_counts_from_the_beginning_again_is_believed() -> None:
    panel = Panel()
    assert panel.is_new(7, "burglary", 0)
    assert panel.is_new(1, "power up", MINUTE)
    assert panel.is_new(7, "burglary", 2 * MINUTE)
    assert not panel.is_new(7, "burglary", 3 * MINUTE)


def test_after_9999_comes_1_and_that_is_later() -> None:
    panel = Panel()
    assert panel.is_new(9999, "fire", 0)
    assert panel.is_new(1, "restore", 1000)
    assert not panel.is_new(9999, "fire", 2000)


def test_a_panel_that_does_not_count_gets_one_minute() -> None:
    panel = Panel()
    assert panel.is_new(1, "burglary zone 1", 0)
    assert panel.is_new(1, "burglary zone 2", 1000)
    assert not panel.is_new(1, "burglary zone 2", 1000 + MINUTE)
    assert panel.is_new(1, "burglary zone 2", 2 * MINUTE + 1001)


def test_a_panel_that_does_not_count_gets_one_minute_though_its_bodies_are_far_apart() -> None:
    """The same zone again is a new alarm, frames of other accounts between or not."""
    panel = Panel()
    assert panel.is_new(1, "burglary zone 1", 0)
    panel.repeats.learn(entry(Identity("5678", "0001", "x"), 12 * MINUTE), 12 * MINUTE)
    assert panel.is_new(1, "burglary zone 2", 13 * MINUTE)
    assert not panel.is_new(1, "burglary zone 2", 14 * MINUTE)
    assert panel.is_new(1, "burglary zone 2", 16 * MINUTE)


def test_memory_ends_with_what_a_starting_receiver_reads() -> None:
    repeats = Repeats()
    for number in range(1000):
        repeats.learn(entry(Identity(f"{number:04X}", "0001", "x"), number), number)
    repeats.learn(entry(Identity("FFFF", "0001", "x"), REMEMBERED_MS + 1000), REMEMBERED_MS + 1000)
    assert len(repeats) == 1


@pytest.mark.parametrize("ahead", ["5678", "1234"])
def test_a_receiver_whose_clock_is_ahead_has_nothing_forgotten(ahead: str) -> None:
    """What came before it is a repeat all the same, and what it wrote is forgotten in time."""
    panel = Panel()
    assert panel.is_new(7, "burglary", 0)
    panel.repeats.learn(entry(Identity(ahead, "0008", "x"), 1000 * MINUTE), 1000)
    assert not panel.is_new(7, "burglary", MINUTE)
    last = Identity("FFFF", "0001", "x")
    panel.repeats.learn(entry(last, MINUTE + REMEMBERED_MS + 1), MINUTE + REMEMBERED_MS + 1)
    assert len(panel.repeats) == 1


@pytest.mark.parametrize("ahead", [0, 5 * MINUTE, 60 * MINUTE])
def test_a_receiver_whose_clock_is_ahead_makes_no_new_alarm_a_repeat(ahead: int) -> None:
    """A burglary ten minutes after another, of a panel that was switched on again, begins an alert of its own."""
    panel = Panel()
    first = Identity("1234", "0001", "burglary")
    panel.repeats.learn(entry(first, MINUTE + ahead), MINUTE)
    assert not panel.is_new(1, "burglary", 2 * MINUTE)
    panel.repeats.learn(entry(first, 3 * MINUTE + ahead, is_repeat=True), 3 * MINUTE)
    assert panel.is_new(1, "burglary", 13 * MINUTE + 1)


def test_a_receiver_whose_clock_is_ahead_ends_no_doubt_but_its_own() -> None:
    panel = Panel()
    panel.repeats.doubt(entry(Identity("1234", "0007", "burglary"), 0))
    panel.repeats.learn(entry(Identity("5678", "0001", "x"), 1000 * MINUTE), 1000)
    assert not panel.is_new(7, "burglary", MINUTE)


def test_a_repeat_of_a_first_copy_from_before_the_reading_began_is_remembered_and_ends_no_other() -> None:
    panel = Panel()
    assert panel.is_new(7, "burglary", 0)
    panel.repeats.learn(entry(Identity("1234", "0003", "tamper"), 1000, is_repeat=True), 1000)
    assert not panel.is_new(3, "tamper", 2000)
    assert not panel.is_new(7, "burglary", 3000)


def test_many_frames_of_one_account_are_quickly_taken() -> None:
    panel = Panel()
    assert all(panel.is_new(number % 9999 + 1, f"body {number}", number) for number in range(30_000))
    assert len(panel.repeats._accounts["1234"].copies) <= 5001


class Rule:
    """The rule as it is written, by a walk over all that came."""

    def __init__(self) -> None:
        self.new: list[tuple[int, int, str]] = []  # when, number, body
        self.last: dict[tuple[int, str], int] = {}

    def is_new(self, number: int, body: str, at: int) -> bool:
        firsts = [place for place, (_, n, b) in enumerate(self.new) if (n, b) == (number, body)]
        bodies = [
            pair for place, pair in enumerate(f[1:] for f in self.new) if not place or pair != self.new[place - 1][1:]
        ]
        limit = MINUTE if len(bodies) > 1 and bodies[-1][0] == bodies[-2][0] else 10 * MINUTE
        if firsts and at - self.last[number, body] <= limit:
            since = self.new[firsts[-1] + 1 :]
            if not any(b != body and (number - n) % 9999 <= 4999 for _, n, b in since):
                self.last[number, body] = at
                return False
        self.new.append((at, number, body))
        self.last[number, body] = at
        return True


@examples(200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3, 4998, 5000, 5002, 9998, 9999]),
            st.sampled_from("AB"),
            st.one_of(st.integers(0, 90), st.integers(590, 840)),
        ),
        max_size=30,
    )
)
def test_it_is_the_rule_as_written(frames: list[tuple[int, str, int]]) -> None:
    panel, rule, at = Panel(), Rule(), 0
    for number, body, seconds in frames:
        at += seconds * 1000
        assert panel.is_new(number, body, at) == rule.is_new(number, body, at)
