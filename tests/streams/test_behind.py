"""A partition that is behind the wall clock: what callbacks say is judged by its time, in a replay too."""

import pytest

from streams.runtime.clock import Clock
from tests.streams import logbook
from tests.streams.messages import alert, site
from tests.streams.test_decide import Bench, all_is_well, rules
from tests.streams.test_whatif import compare


def behind(milliseconds: int) -> Bench:
    """One site at work. The wall clock, which is the test's, leapt by so much, and the partition does not follow."""
    bench = Bench()
    bench.chunk(bench.record("sites", site()))
    began = bench.now
    bench.partition.clock = Clock(0, lambda: bench.now, lambda: max(bench.now - milliseconds, began))
    bench.now += milliseconds
    return bench


@pytest.mark.parametrize(("ended_after", "rule"), [(26_000, "RESOLVED_BY_CALLBACK"), (20_000, "STALE_CALLBACK")])
@pytest.mark.parametrize("has_time", [True, False])
def test_a_callback_older_than_the_last_alert_is_stale_where_the_partition_is_behind(
    ended_after: int, rule: str, has_time: bool
) -> None:
    """Its machine slept for ten minutes, or its clock was slow by as much and is right now."""
    bench = behind(600_000)
    bench.chunk(bench.record("alerts", alert("a")))
    began = bench.now
    bench.now = began + 25_000
    assert rules(bench.chunk(bench.record("alerts", alert("b")))) == ["MERGED"]
    bench.now = began + 27_000
    result = all_is_well(bench, began + ended_after, "r")
    batch = bench.chunk(result if has_time else result._replace(timestamp_=-1))
    assert rules(batch) == [rule]
    (headers,) = [record[7] for record in batch.records if len(record) == 8]
    assert headers == [("clock.ahead_ms", "-600000")], "a replay judges alike"


def test_a_clock_that_wrongly_leapt_makes_no_fresh_callback_stale() -> None:
    """The partition's time is right then, as the record's own says."""
    bench = behind(600_000)
    right = bench.now - 600_000
    bench.chunk(bench.record("alerts", alert("a")))
    bench.now += 10_000
    result = all_is_well(bench, right + 5_000, "r")
    assert rules(bench.chunk(result._replace(timestamp_=right + 9_000))) == ["RESOLVED_BY_CALLBACK"]


@pytest.mark.parametrize(("ended_at", "rule"), [(4, "STALE_CALLBACK"), (6, "RESOLVED_BY_CALLBACK")])
def test_a_callback_heard_by_a_partition_that_was_behind_is_judged_alike(ended_at: float, rule: str) -> None:
    book = logbook.Logbook()
    book.chunk(0, logbook.site(), logbook.alert())
    book.chunk(5, logbook.alert("A2"))
    book.chunk(7, logbook.callback("R1", "IDENTIFIED", "NORMAL")._replace(ended_at=logbook.seconds(ended_at)))
    assert book.decisions()[-1].rule == rule
    book.behind(600_000)
    assert book.replay().differences == []
    assert compare(book).verdicts == {"SAME": 1}
