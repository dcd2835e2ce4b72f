"""How long a sign-in waits: to the letter of the rule, by a clock of the test's own."""

from __future__ import annotations

import pytest

from edges.web.back_off import BackOff


def fail(back_off: BackOff, name: str, address: str, now: float) -> float:
    wait = back_off.begin(name, address, now)
    if not wait:
        back_off.failed(name, address, now)
    return wait


def test_an_account_with_an_address_waits_from_the_5th_failure_on() -> None:
    back_off, now = BackOff(), 0.0
    for _ in range(5):
        assert fail(back_off, "zoe", "192.0.2.1", now) == 0
    waits = []
    for _ in range(12):
        wait = back_off.begin("zoe", "192.0.2.1", now)
        assert wait > 0
        assert back_off.begin("zoe", "192.0.2.1", now + wait - 0.001) > 0, "asking meanwhile changes nothing"
        waits.append(wait)
        now += wait
        assert fail(back_off, "zoe", "192.0.2.1", now) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_others_do_not_wait_for_it() -> None:
    back_off = BackOff()
    for _ in range(6):
        fail(back_off, "zoe", "192.0.2.1", 0)
    assert back_off.begin("zoe", "192.0.2.1", 0) > 0
    assert back_off.begin("zoe", "192.0.2.2", 0) == 0
    assert back_off.begin("ann", "192.0.2.1", 0) == 0


@pytest.mark.parametrize("addresses", [["192.0.2.1"], ["2001:db8::1", "2001:db8::2"]])
def test_an_address_alone_waits_from_the_50th_failure_on(addresses: list[str]) -> None:
    back_off = BackOff()
    for number in range(50):
        assert fail(back_off, f"name{number}", addresses[number % len(addresses)], 0) == 0
    assert back_off.begin("other", addresses[0], 0) == 1
    assert back_off.begin("other", "2001:db8:0:1::1", 0) == 0
    assert fail(back_off, "other", addresses[0], 1) == 0
    assert back_off.begin("another", addresses[0], 1) == 2


def test_success_forgets_the_account_but_not_the_address() -> None:
    back_off = BackOff()
    for _ in range(4):
        fail(back_off, "zoe", "192.0.2.1", 0)
    assert back_off.begin("zoe", "192.0.2.1", 0) == 0
    back_off.succeeded("zoe", "192.0.2.1", 0)
    for _ in range(5):
        assert fail(back_off, "zoe", "192.0.2.1", 0) == 0
    for number in range(41):
        assert fail(back_off, f"name{number}", "192.0.2.1", 0) == 0, "4 + 5 + 41: the success is none of them"
    assert back_off.begin("name", "192.0.2.1", 0) == 1


def test_attempts_at_the_same_time_are_no_more_than_one_after_the_other() -> None:
    back_off = BackOff()
    begun = [back_off.begin("zoe", "192.0.2.1", 0) for _ in range(20)]
    assert begun.count(0) == 5


def test_a_wait_begins_when_the_attempt_has_failed() -> None:
    back_off = BackOff()
    for _ in range(5):
        assert back_off.begin("zoe", "192.0.2.1", 0) == 0
        back_off.failed("zoe", "192.0.2.1", 0.9)
    assert back_off.begin("zoe", "192.0.2.1", 1.8) > 0
    assert back_off.begin("zoe", "192.0.2.1", 1.9) == 0


def test_what_failed_an_hour_ago_is_forgotten() -> None:
    back_off = BackOff()
    for _ in range(5):
        fail(back_off, "zoe", "192.0.2.1", 0)
    assert fail(back_off, "zoe", "192.0.2.1", 3601) == 0
    assert back_off.begin("zoe", "192.0.2.1", 3601) == 0
