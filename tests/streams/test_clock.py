"""A partition's time: never back, no jump forward, from where its state left off."""

from streams.runtime.clock import JUMP_MS, Clock


class Hands:
    """Two clocks that a test moves by hand, in milliseconds."""

    def __init__(self, wall: int) -> None:
        self.wall = wall
        self.steady = 5_000

    def clock(self, floor: int = 0) -> Clock:
        return Clock(floor, lambda: self.wall, lambda: self.steady)

    def pass_by(self, milliseconds: int, *, wall: int | None = None) -> None:
        """Let time pass; the wall clock shows as much, or what somebody sets it to."""
        self.steady += milliseconds
        self.wall = self.wall + milliseconds if wall is None else wall


def test_it_is_the_wall_clock_as_a_rule() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock()
    assert clock.now(is_armed=True) == 1_000_000
    hands.pass_by(250)
    assert clock.now(is_armed=True) == 1_000_250


def test_a_wall_clock_set_back_does_not_take_it_back() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock()
    hands.pass_by(100, wall=700_000)
    assert clock.now(is_armed=True) == 1_000_095
    hands.pass_by(100)
    assert clock.now(is_armed=True) == 1_000_190


def test_a_wall_clock_put_right_by_a_little_is_followed() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock()
    hands.pass_by(100, wall=1_000_100 + JUMP_MS)
    assert clock.now(is_armed=True) == 1_000_100 + JUMP_MS
    assert clock.jumps == 0


def test_a_jump_forward_is_not_followed_and_counts_once() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock()
    hands.pass_by(100, wall=1_000_100 + JUMP_MS + 1)
    assert clock.now(is_armed=True) == 1_000_100
    hands.pass_by(100)
    assert clock.now(is_armed=True) == 1_000_200
    assert clock.jumps == 1
    hands.pass_by(100, wall=1_000_300)  # put right again
    assert clock.now(is_armed=True) == 1_000_300
    hands.pass_by(100, wall=2_000_000)
    clock.now(is_armed=True)
    assert clock.jumps == 2


def test_it_goes_on_from_its_state_if_that_is_ahead() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock(floor=1_300_000)
    assert clock.now(is_armed=True) == 1_300_000
    hands.pass_by(100)
    assert clock.now(is_armed=True) == 1_300_095


def test_it_goes_on_no_earlier_than_what_was_written_meanwhile() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock()
    hands.pass_by(10_000, wall=1_610_000)
    clock.go_on_from(1_005_000, is_armed=True)
    assert clock.now(is_armed=True) == 1_010_000, "it is later anyway"
    assert clock.jumps == 1, "the jump counts when the time is read"
    hands.pass_by(10_000)
    clock.go_on_from(1_025_000, is_armed=True)
    assert clock.now(is_armed=True) == 1_025_000, "what has passed is in it"
    hands.pass_by(100)
    assert clock.now(is_armed=True) == 1_025_100
    assert clock.jumps == 1


def test_it_starts_at_the_wall_clock_after_a_long_outage() -> None:
    clock = Hands(1_000_000_000).clock(floor=1_000)
    assert clock.now(is_armed=True) == 1_000_000_000
    assert clock.jumps == 0


def test_how_long_to_wait_is_what_really_passes() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock()
    assert clock.seconds_until(1_002_500, is_armed=True) == 2.5
    hands.pass_by(2_000, wall=5_000_000)
    assert clock.seconds_until(1_002_500, is_armed=True) == 0.5
    assert clock.seconds_until(1_000_000, is_armed=True) == 0


def test_a_clock_ahead_stands_still_until_the_wall_clock_is_there() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock(floor=1_600_000)
    assert clock.ahead_ms == 600_000
    hands.pass_by(400_000)
    assert clock.now(is_armed=False) == 1_600_000
    assert clock.ahead_ms == 200_000
    assert clock.seconds_until(1_600_500, is_armed=False) == 200.5
    hands.pass_by(300_000)
    assert clock.now(is_armed=False) == 1_700_000
    assert clock.ahead_ms == 0


def test_a_clock_ahead_with_deadlines_armed_is_slower_by_a_twentieth_however_often_it_is_read() -> None:
    hands = Hands(1_000_000)
    clock = hands.clock(floor=1_600_000)
    for _ in range(10_000):
        hands.pass_by(1)
        before, now = clock.now(is_armed=True), clock.now(is_armed=True)
        assert now == before
    assert abs(now - 1_609_500) <= 1
    assert abs(clock.ahead_ms - 599_500) <= 1
    left = clock.seconds_until(1_619_000, is_armed=True)
    assert abs(left - 10) < 0.01
    hands.pass_by(round(left * 1000) + 1)
    assert clock.now(is_armed=True) >= 1_619_000
    assert clock.seconds_until(1_619_000, is_armed=True) == 0
