"""Alerts at a steady rate: how many are due, on which sites, and what their ids say."""

from __future__ import annotations

from benchmarks.pace import AlertTag, Stream, alert, due
from benchmarks.wires import KERNEL, RONDE


def test_at_any_moment_as_many_have_gone_as_the_rates_say() -> None:
    streams, sent = [Stream("quiet", 100), Stream("loud", 10, 1)], [0, 0]
    assert len(list(due(streams, sent, 0.0, 2))) == 2  # the first of each at once
    assert len(list(due(streams, sent, 0.5, 2))) == 55
    assert sent == [51, 6]
    list(due(streams, sent, 60.0, 2))
    assert sent == [200, 20]  # never more than in all


def test_a_quiet_site_has_three_alerts_and_a_loud_one_all() -> None:
    quiet, loud, panels = Stream("q", 6), Stream("l", 6, 1), Stream("p", 6, 2)
    assert [quiet.site_id(number) for number in range(6)] == ["q-000000"] * 3 + ["q-000001"] * 3
    assert {loud.site_id(number) for number in range(6)} == {"l-000000"}
    assert [panels.site_id(number) for number in range(3)] == ["p-000000", "p-000001", "p-000000"]


def test_the_sites_named_beforehand_are_those_that_get_alerts() -> None:
    for stream in (Stream("q", 7), Stream("l", 7, 1), Stream("p", 7, 3)):
        assert set(stream.site_ids(2)) == {stream.site_id(number) for number in range(14)}


def test_both_wires_bring_an_alert_with_its_number_and_time() -> None:
    for wire in (KERNEL, RONDE):
        key, value = alert(wire, Stream("q", 1), 3)
        assert key == b"q-000001"
        assert b"q.3." in value


def test_an_id_tells_what_was_sent_and_when() -> None:
    assert AlertTag.of("q.3.1767225600000000") == AlertTag("q", 3, 1_767_225_600_000_000)
