"""What partners report, and operators' notices, on their way to Kafka, which does as the test says."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from edges.errors import DatabaseAwayError
from edges.kafka.errors import UnconfirmedError
from edges.partners.metrics import PartnersMetrics
from edges.partners.notices import Notices
from edges.partners.store import Step, Store
from service.clock import now_ms
from tests.edges.partners.serving import Served, command
from tests.edges.partners.test_sending import dispatch, reported, until


def test_the_same_answer_again_is_not_another_report(partners: Served) -> None:
    partners.put(command("i1-d1"))

    async def test() -> None:
        for step, again in (("accepted", False), ("en-route", True), ("accepted", False)):
            await partners.reporter.report(dispatch(1, "S14"), Step(step, 0), again=again)

    partners.run(test())
    assert reported(partners) == ["i1-d1-accepted", "i1-d1-en-route"]


def test_a_tap_that_said_what_was_said_already_is_no_further_report_later(partners: Served) -> None:
    partners.put(command("i1-d1"))
    tap = Step("en-route", 5, is_tap=True)

    async def test() -> list[str]:
        said = (Step("en-route", 0), tap, tap, Step("on-site", 9), tap, tap._replace(reported_at=10))
        return [await partners.reporter.report(dispatch(1, "S14"), step) for step in said]

    assert partners.run(test()) == [*["i1-d1-en-route"] * 3, "i1-d1-on-site", "i1-d1-en-route", "i1-d1-en-route-2"]
    assert reported(partners) == ["i1-d1-en-route", "i1-d1-on-site", "i1-d1-en-route-2"]
    assert partners.sql("SELECT taps FROM partners.reports ORDER BY seq") == [([5],), ([],), ([],)]


def test_until_the_tables_are_those_of_this_version_a_report_is_not_taken(partners: Served) -> None:
    partners.put(command("i1-d1"))
    partners.sql("ALTER TABLE partners.reports DROP COLUMN taps")
    with pytest.raises(DatabaseAwayError):
        partners.run(partners.store.report(dispatch(1, "S14"), Step("accepted", 0)))


def test_a_partition_that_takes_nothing_keeps_no_other_s_reports(partners: Served) -> None:
    for number in range(4):
        partners.put(command(f"i{number}-d1", site_id=f"S{number % 2}"))
    partners.kafka.away = {"S0"}

    async def test() -> None:
        for number in range(4):
            await partners.store.report(dispatch(number, f"S{number % 2}"), Step("accepted", 0))
        partners.sql("UPDATE partners.reports SET taken_at = 0")
        await partners.reporter.catch_up()
        await until(lambda: not partners.reporter._under_way)
        assert partners.sql("SELECT count(*) FROM partners.reports WHERE acknowledged_at IS NULL") == [(2,)]
        with pytest.raises(UnconfirmedError):
            await partners.reporter.catch_up()
        await until(lambda: not partners.reporter._under_way)

    partners.run(test())
    assert reported(partners) == ["i1-d1-accepted", "i3-d1-accepted"]


def test_reports_that_kafka_refuses_at_once_keep_the_process_from_being_ready(partners: Served) -> None:
    """As where it may not write to the topic: what is never under way for long would else be unsaid."""
    reporter = partners.reporter
    partners.put(command("i1-d1"))
    partners.kafka.is_away = True

    async def look() -> None:
        await reporter.catch_up()
        await until(lambda: not reporter._under_way)

    async def test() -> None:
        await partners.store.report(dispatch(1, "S14"), Step("accepted", 0))
        partners.sql("UPDATE partners.reports SET taken_at = 0")
        await look()
        for _ in range(2):
            with pytest.raises(UnconfirmedError, match="1 were not taken: no answer"):
                await look()
            await until(lambda: not reporter._under_way)
        partners.sql("UPDATE partners.reports SET acknowledged_at = 1")  # by another process
        await look()
        partners.sql("UPDATE partners.reports SET acknowledged_at = NULL")
        await look()
        partners.kafka.is_away = False
        with pytest.raises(UnconfirmedError):
            await look()
        await until(lambda: not reporter._under_way)
        await look()

    partners.run(test())
    assert reported(partners) == ["i1-d1-accepted"]


def test_a_report_that_fails_while_it_is_said_again_is_not_confirmed(
    partners: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka, reporter = partners.kafka, partners.reporter
    partners.put(command("i1-d1"))
    read = Store.waiting_reports

    async def waiting_reports(*of: Any) -> Any:
        found = await read(*of)
        if reporter._under_way:  # Kafka refuses now what it had not answered yet
            kafka.thawed.set()
            await until(lambda: not reporter._under_way)
        return found

    monkeypatch.setattr(Store, "waiting_reports", waiting_reports)
    kafka.is_away = True
    kafka.thawed.clear()

    async def test() -> None:
        said = asyncio.create_task(reporter.report(dispatch(1, "S14"), Step("accepted", 0)))
        await until(lambda: bool(reporter._under_way))
        with pytest.raises(UnconfirmedError):
            await reporter.report(dispatch(1, "S14"), Step("accepted", 0))
        with pytest.raises(UnconfirmedError):
            await said

    partners.run(test())
    assert reported(partners) == []


def test_what_kafka_is_slow_to_take_is_handed_over_once(partners: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.partners.reports_to_kafka.CONFIRM_SECONDS", 0.05)
    partners.put(command("i1-d1"))
    partners.kafka.thawed.clear()

    async def test() -> None:
        for _ in range(3):
            with pytest.raises(UnconfirmedError):
                await partners.reporter.report(dispatch(1, "S14"), Step("accepted", 0))
            partners.sql("UPDATE partners.reports SET taken_at = 0")
            with pytest.raises(UnconfirmedError):
                await partners.reporter.catch_up()
        partners.kafka.thawed.set()
        assert await partners.reporter.report(dispatch(1, "S14"), Step("accepted", 0)) == "i1-d1-accepted"
        await partners.reporter.catch_up()

    partners.run(test())
    assert reported(partners) == ["i1-d1-accepted"]


def test_a_notice_that_waits_for_kafka_is_handed_over_once(partners: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.partners.notices.CONFIRM_SECONDS", 0.05)
    notices = Notices(partners.store, partners.reporter._outlet, PartnersMetrics())
    partners.put(command("i1-d1", "CANCEL"), now_ms() - 31_000)
    partners.kafka.thawed.clear()

    async def test() -> None:
        for _ in range(3):
            with pytest.raises(UnconfirmedError):
                await notices.write()
        partners.kafka.is_away = True  # the client has given up
        partners.kafka.thawed.set()
        with pytest.raises(UnconfirmedError):
            await notices.write()
        partners.kafka.is_away = False
        for _ in range(2):
            await notices.write()

    partners.run(test())
    [event] = map(orjson.loads, (record.value or b"" for record in partners.kafka.written))
    assert (event["event_id"], event["action"]) == ("i1-d1-c1-undelivered", "UNDELIVERED")
    assert partners.run(partners.store.undelivered()) == []
