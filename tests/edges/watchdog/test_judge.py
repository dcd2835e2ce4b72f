"""What the judge finds and when, in virtual time; and what it does not."""

from __future__ import annotations

import pytest

from edges.watchdog.findings import Kind
from edges.watchdog.judge import TOPICS
from tests.edges.watchdog.bench import LIMITS, Bench


@pytest.fixture
def bench() -> Bench:
    """A judge that began a minute ago, on one partition."""
    made = Bench()
    made.look(60)
    return made


def test_a_deadline_without_a_later_decision(bench: Bench) -> None:
    bench.decide(1, deadline=180)
    assert bench.counts(120 + 44) == {}
    assert bench.counts(2) == {"DEADLINE": 1}
    finding = bench.look()[Kind.DEADLINE].examples[0]
    assert (finding.subject, finding.site_id, finding.partition) == ("i1", "S1", 0)
    bench.decide(2, deadline=400)
    assert bench.counts(100) == {}
    bench.decide(3, deadline=None)
    assert bench.counts(1000) == {}
    assert bench.judge.kept == 0


def test_a_decision_of_the_catch_up_counts_as_a_later_one(bench: Bench) -> None:
    bench.decide(1, deadline=100)
    bench.look(70)  # 130
    bench.decide(2, deadline=100)
    assert bench.counts(44) == {}
    assert bench.counts(2) == {"DEADLINE": 1}


def test_a_site_that_was_set_aside(bench: Bench) -> None:
    bench.decide(1, deadline=100)
    bench.decide(1, deadline=100, incident="other", site="S2")
    bench.now += 10
    bench.fail("S1")
    assert bench.counts(200) == {"DEADLINE": 1}
    assert bench.look()[Kind.DEADLINE].examples[0].site_id == "S2"


def test_set_aside_read_before_the_decisions_and_opened_again_at_that_instant(bench: Bench) -> None:
    bench.fail("S1")
    bench.decide(1, deadline=100, incident="opened-then")
    bench.decide(4, deadline=100, incident="ended-then")
    report = bench.look(200)
    assert [finding.subject for finding in report[Kind.DEADLINE].examples] == ["opened-then"]


def test_a_version_that_is_missing(bench: Bench) -> None:
    bench.decide(1, deadline=1000)
    bench.decide(3, deadline=1000)
    assert bench.counts() == {"VERSION": 1}
    assert bench.look()[Kind.VERSION].examples[0].detail == "version 2 is missing"
    bench.decide(4, deadline=None)
    bench.now += 3500
    assert bench.counts(99) == {"VERSION": 1}
    assert bench.counts(2) == {}


def test_reading_may_begin_amid_an_incident_and_go_back() -> None:
    bench = Bench()
    bench.decide(7, deadline=1000)
    bench.decide(8, deadline=1000)
    assert bench.counts(60) == {}
    bench.offsets.clear()
    for version in range(1, 9):
        bench.decide(version, deadline=1000)
    assert bench.counts(60) == {}


@pytest.mark.parametrize("topic", ["quarantine", "dead-letters"])
def test_an_input_without_an_end(bench: Bench, topic: str) -> None:
    bench.alert()
    lost = bench.alert()
    bench.alert()
    bench.decide(1, deadline=1000, of=0)
    bench.end(2, topic)
    assert bench.counts(44) == {}
    assert bench.counts(2) == {"INPUT": 1}
    assert bench.look()[Kind.INPUT].examples[0].subject == f"alerts-0-{lost}"
    bench.end(lost, topic)
    assert bench.counts() == {}


def test_an_end_may_be_read_before_its_input(bench: Bench) -> None:
    bench.end(0)
    bench.end(1)
    bench.end(2)
    for _ in range(3):
        bench.alert()
    assert bench.counts(100) == {}
    assert bench.judge.kept == 0


def test_many_inputs_without_an_end_need_the_room_of_few(bench: Bench) -> None:
    for _ in range(10):
        for _ in range(500):
            bench.alert()
        bench.look(1)
    assert bench.judge.kept <= 11
    assert bench.counts(60) == {"INPUT": 5000}


def test_inputs_from_before_the_reading_began_are_not_judged() -> None:
    bench = Bench()
    for offset in range(5):
        bench.alert(offset=offset)
    bench.end(3)
    bench.end(4)
    assert bench.counts(120) == {}


def test_nothing_decided_since_the_beginning() -> None:
    bench = Bench()
    bench.alert()
    assert bench.counts(44) == {}
    assert bench.counts(2) == {"INPUT": 1}


def test_a_call_that_nobody_takes(bench: Bench) -> None:
    bench.claim("before")
    bench.call("c1")
    bench.call("c2", site="canary")
    assert bench.counts(44) == {}
    assert bench.counts(2) == {"CALL": 1}
    bench.claim("c1")
    assert bench.counts() == {}
    assert bench.counts(59 + 44) == {}  # held for 60 s, and free from then on
    bench.answer("c1")
    bench.end(0, of="call-results")
    assert bench.counts(700) == {}
    assert bench.judge.kept == 0


@pytest.mark.parametrize("action", ["RENEW", "RELEASE"])
def test_claims_that_hold_nothing_keep_no_call_from_being_late(bench: Bench, action: str) -> None:
    bench.claim("before")
    bench.call("c1")
    for _ in range(4):
        assert bench.counts(11) == {}
        bench.claim("c1", action)
    assert bench.counts(2) == {"CALL": 1}


def test_a_call_that_is_given_back_has_its_time_again(bench: Bench) -> None:
    bench.call("c1")
    bench.claim("c1")
    bench.look(30)
    bench.claim("c1", "RELEASE")
    assert bench.counts(44) == {}
    assert bench.counts(2) == {"CALL": 1}


def test_a_claim_from_before_the_end_of_a_hold_that_is_read_behind_it(bench: Bench) -> None:
    """To have looked meanwhile changes nothing: the log has the same holder for every reader."""
    bench.claim("c1")
    held_to = bench.now + 60
    bench.look(60.05)
    bench.claim("c1", by="bob", at=held_to - 0.01)
    assert bench.judge.calls[0].holder("c1") == "ann"
    bench.claim("c1", by="bob", at=held_to)
    assert bench.judge.calls[0].holder("c1") == "bob"


def test_a_hold_is_no_longer_where_the_watchdogs_clock_was_ahead_for_a_moment(bench: Bench) -> None:
    bench.claim("before")
    bench.jump = 3600.0
    bench.look()
    bench.jump = 0.0
    bench.look(1)
    bench.call("c1", seconds=600)
    bench.claim("c1")
    assert bench.counts(60 + 43) == {}
    assert bench.counts(3) == {"CALL": 1}
    assert bench.judge.calls[0].holder("c1") == "ann", "by the records alone: none came"


def test_a_call_is_not_forgotten_where_the_watchdogs_clock_was_ahead_for_a_moment(bench: Bench) -> None:
    bench.claim("before")
    bench.call("c1")
    bench.jump = 3600.0
    bench.look()
    bench.jump = 0.0
    assert bench.counts(44) == {}
    assert bench.counts(2) == {"CALL": 1}


def test_a_hold_ends_though_the_brokers_clock_was_set_back(bench: Bench) -> None:
    bench.call("c1", seconds=600)
    bench.claim("c1")
    for _ in range(60 + 43):
        assert bench.counts(1) == {}
        bench.claim("other", at=bench.now - 3600)
    assert bench.counts(3) == {"CALL": 1}


def test_no_desk_is_in_use(bench: Bench) -> None:
    bench.call("c1")
    bench.claim("c9", who="ROBOT")
    assert bench.counts(100) == {}
    assert Bench(LIMITS._replace(is_desk_used=True)).counts() == {}


def test_a_desk_is_in_use_after_days_without_an_alarm(bench: Bench) -> None:
    bench.claim("c0")
    bench.judge.calls[0].person_at -= 3 * 24 * 3600 * 1000
    bench.call("c1")
    assert bench.counts(50) == {"CALL": 1}


@pytest.mark.parametrize("how", ["answered before", "answered", "cancelled", "expired"])
def test_calls_that_are_no_more(how: str) -> None:
    bench = Bench(LIMITS._replace(is_desk_used=True))
    bench.look(60)
    if how == "answered before":
        bench.answer("c1")
    bench.call("c1")
    if how == "answered":
        bench.answer("c1")
    elif how == "cancelled":
        bench.call("c1-cancel", "CANCEL", "c1")
    elif how == "expired":
        bench.look(30)
        bench.claim("c1", seconds=60)
        bench.look(50)
    if how.startswith("answered"):
        bench.end(0, of="call-results")
    assert bench.counts(30 if how == "expired" else 60) == {}
    bench.look(700)
    assert bench.judge.kept == 0


def test_an_open_transaction(bench: Bench) -> None:
    log = ("decisions", 0)
    bench.offsets[log], bench.stable[log] = 10, 4
    bench.ages[log] = 4.0
    assert bench.counts(14) == {}
    bench.ages[log] = 16.0
    assert bench.counts(2) == {"BLOCKED": 1}
    bench.ages[log] = 40.0
    assert bench.counts(25) == {"BLOCKED": 1}  # and not KAFKA
    bench.ages[log] = 0.0
    del bench.stable[log]
    assert bench.counts(1) == {}


def test_transactions_that_follow_each_other_block_nobody(bench: Bench) -> None:
    for offset in range(100):
        bench.offsets["calls", 0], bench.stable["calls", 0] = 2 * offset + 5, 2 * offset
        assert bench.counts(1) == {}


def test_kafka_is_away_and_nothing_else_is_wrong(bench: Bench) -> None:
    bench.decide(1, deadline=100)
    bench.alert()
    bench.away = True
    bench.ages = dict.fromkeys(bench.ages, 3.0)
    bench.look(3)
    bench.ages = dict.fromkeys(bench.ages, 25.0)
    report = bench.look(17)
    assert {*report} == {Kind.KAFKA}
    assert {*bench.look(300)} == {Kind.KAFKA}
    bench.away = False
    bench.ages = dict.fromkeys(bench.ages, 0.0)
    assert bench.counts(44) == {}, "the engine gets its time"
    assert bench.counts(2) == {"DEADLINE": 1, "INPUT": 1}


def test_what_was_found_stays_while_kafka_is_away(bench: Bench) -> None:
    bench.decide(1, deadline=70)
    assert bench.counts(60) == {"DEADLINE": 1}
    bench.ages = dict.fromkeys(bench.ages, 25.0)
    bench.away = True
    assert bench.counts(10)["DEADLINE"] == 1


def test_a_jump_of_the_clock_is_no_time_that_passed(bench: Bench) -> None:
    bench.decide(1, deadline=1000)
    bench.alert()
    bench.jump = 3600.0
    assert bench.counts(30) == {}
    bench.decide(2, deadline=None, of=0)
    assert bench.counts(60) == {}


def test_a_jump_of_the_clock_is_no_silence_of_kafka(bench: Bench) -> None:
    bench.look(1)
    bench.away = True  # the ends were asked for before it
    bench.jump = 3600.0
    assert bench.counts(5) == {}
    assert bench.counts(15) == {"KAFKA": 1 * len(TOPICS)}
    assert bench.look()[Kind.KAFKA].since == bench.ms - 20_000, "by the clock as it is now"


def test_a_jump_of_the_clock_is_no_open_transaction(bench: Bench) -> None:
    log = ("decisions", 0)
    bench.offsets[log], bench.stable[log] = 10, 4
    bench.look(1)
    bench.jump = 3600.0
    assert bench.counts(1) == {}


def test_what_is_wrong_is_found_though_the_clock_was_put_back(bench: Bench) -> None:
    """By an hour, amid it: what was read before and what is read then."""
    log = ("decisions", 0)
    bench.claim("before")
    bench.alert()
    bench.call("c1", seconds=4000)
    bench.offsets[log], bench.stable[log] = 10, 4
    bench.look(1)
    bench.jump = -3600.0
    bench.alert()
    assert bench.counts(43) == {"BLOCKED": 1}
    assert bench.counts(3) == {"BLOCKED": 1, "INPUT": 2, "CALL": 1}


def test_an_input_is_not_forgotten_where_the_clock_was_ahead_for_a_moment(bench: Bench) -> None:
    bench.alert()
    bench.jump = 25 * 3600.0
    bench.look()
    bench.jump = 0.0
    assert bench.counts(46) == {"INPUT": 1}


def test_one_partition_stands_still() -> None:
    bench = Bench(partitions=3)
    for partition in range(3):
        bench.alert(partition)
        if partition != 1:
            bench.decide(1, deadline=1000, of=0, incident=f"i{partition}", partition=partition)
    report = bench.look(50)
    assert {*report} == {Kind.INPUT}
    assert report[Kind.INPUT].examples[0].partition == 1
