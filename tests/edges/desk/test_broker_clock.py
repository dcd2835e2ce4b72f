"""The broker's time, by claims that it stamped; both clocks in seconds."""

from __future__ import annotations

from edges.desk.broker_clock import BrokerClock

HOUR = 3_600_000


class Clocks:
    """A machine's clocks beside a broker's, which starts at 0."""

    def __init__(self, wrong_ms: int = 0) -> None:
        self.broker_ms = 1_000_000_000
        self.wrong_ms = wrong_ms
        self.slept_ms = 0
        self.clock = BrokerClock(
            lambda: (self.broker_ms + self.wrong_ms) / 1000, lambda: (self.broker_ms - self.slept_ms) / 1000
        )

    def is_doubted(self) -> bool:
        return self.clock.is_doubted

    def claim(self, ms: int = 10) -> None:
        sent_at = self.clock.moment()
        self.broker_ms += ms // 2
        stamped = self.broker_ms
        self.broker_ms += ms - ms // 2
        self.clock.learn(stamped, sent_at)


def test_without_a_claim_our_own_clock_is_all_there_is() -> None:
    clocks = Clocks(-HOUR)
    assert clocks.clock.now() == clocks.broker_ms - HOUR
    assert clocks.clock.differs_ms == 0


def test_a_desk_that_starts_has_the_time_measured() -> None:
    clocks = Clocks(10_000)
    assert clocks.is_doubted()
    clocks.claim()
    assert not clocks.is_doubted()
    assert abs(clocks.clock.differs_ms + 10_000) <= 1


def test_a_claim_sets_it_right_and_says_by_how_much() -> None:
    for wrong in (-HOUR, HOUR):
        clocks = Clocks(wrong)
        clocks.claim()
        assert abs(clocks.clock.now() - clocks.broker_ms) <= 1
        assert abs(clocks.clock.differs_ms + wrong) <= 1


def test_who_sets_the_machines_clock_moves_nothing() -> None:
    clocks = Clocks()
    clocks.claim()
    clocks.wrong_ms = HOUR
    clocks.broker_ms += 5000
    assert abs(clocks.clock.now() - clocks.broker_ms) <= 1
    assert abs(clocks.clock.differs_ms + HOUR) <= 1


def test_a_wide_claim_replaces_a_narrow_one_only_where_it_contradicts_it() -> None:
    clocks = Clocks()
    clocks.claim(2)
    narrow = clocks.clock.now() - clocks.broker_ms
    clocks.claim(1000)
    assert clocks.clock.now() - clocks.broker_ms == narrow
    clocks.slept_ms += HOUR  # the machine slept, and its monotonic clock with it
    assert clocks.broker_ms - clocks.clock.now() >= HOUR - 1
    clocks.claim(1000)
    assert abs(clocks.clock.now() - clocks.broker_ms) <= 1


def test_a_record_from_another_time_is_a_doubt_once_in_ten_minutes() -> None:
    clocks = Clocks()
    clocks.claim()
    clocks.slept_ms += HOUR
    clocks.clock.hear(clocks.broker_ms)
    assert clocks.is_doubted()
    clocks.claim()
    clocks.clock.hear(clocks.broker_ms)
    assert not clocks.is_doubted()
    clocks.clock.hear(clocks.broker_ms - 60_000)
    assert not clocks.is_doubted()
    clocks.broker_ms += 601_000
    clocks.clock.hear(clocks.broker_ms - 15_000)
    assert not clocks.is_doubted(), "read late"
    clocks.clock.hear(clocks.broker_ms - 60_000)
    assert clocks.is_doubted()
