"""Which frames are repeats, told as what a panel sends."""

from __future__ import annotations

from typing import Final

from edges.receiver.repeats import REPEAT_MS, Identity, Repeats

MINUTE: Final = 60_000


class Panel:
    """Sends frames; `says` is whether the receiver takes one for new."""

    def __init__(self) -> None:
        self.repeats: Repeats[int] = Repeats()
        self.frames = 0

    def is_new(self, sequence: int, body: str, at: int) -> bool:
        identity = Identity("1234", f"{sequence:04d}", body.encode())
        self.frames += 1
        if (copy := self.repeats.first_copy(identity, at)) is not None:
            self.repeats.repeat(copy, at)
            return False
        self.repeats.add(identity, self.frames, at)
        return True


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


def test_memory_ends_with_ten_minutes() -> None:
    repeats: Repeats[int] = Repeats()
    for number in range(1000):
        repeats.add(Identity(f"{number:04X}", "0001", b"x"), number, number)
    repeats.add(Identity("FFFF", "0001", b"x"), 0, 2 * REPEAT_MS)
    assert len(repeats) == 1
