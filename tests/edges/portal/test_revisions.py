"""What depends on time and on others: the same button again, two at once, tests on the nights the clocks change."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest

from edges.portal import api as routes
from edges.portal import pages, service, store
from edges.portal.sql import migrate, migrations
from edges.web.values import parse_instant
from service.clock import now_ms
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from tests.edges.portal.serving import ANN, HOME, Api, make, problem, put, state
from tests.edges.portal.test_fields import held_up

HOUR = 3_600_000


def set_clock(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    for module in (routes, pages, service):
        monkeypatch.setattr(module, "now_ms", lambda: at)


async def press(browser: Any, part: str, **fields: Any) -> None:
    content = "&".join(f"{name}={value}" for name, value in fields.items())
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.post(f"/sites/S1/{part}", content=content, headers=form)
    assert answer.status_code == 303, answer.text


@pytest.mark.asyncio
async def test_a_test_that_is_over_begins_again_by_the_same_button(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("portal:*")
    await make(client)
    api.user("ann@example.org", "customer")
    browser = await api.signed_in("ann@example.org")
    began = now_ms()
    for number, at in enumerate((began, began + 2 * HOUR, began + 4 * HOUR), start=1):
        set_clock(monkeypatch, at)
        assert (await state(client))["test_until"] is None
        await press(browser, "test", revision=number, hours=1)
        made = await state(client)
        assert made["revision"] == number + 1
        assert parse_instant(made["test_until"]) == at + HOUR


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("part", "pressed", "undone"),
    [
        ("subscription", {"subscribed": "no"}, {"subscribed": True}),
        ("intervention", {"enabled": "no"}, {"enabled": True}),
        ("test", {"hours": "1"}, {"until": None}),
    ],
)
async def test_a_button_that_is_sent_again_undoes_nothing_that_was_done_since(
    api: Api, part: str, pressed: dict[str, str], undone: dict[str, Any]
) -> None:
    client = api.client("portal:*")
    await make(client)
    await put(client, "subscription", {"subscribed": True}, 1)
    api.user("ann@example.org", "customer")
    browser = await api.signed_in("ann@example.org")
    for _twice in range(2):
        await press(browser, part, revision=2, **pressed)
    assert (await state(client))["revision"] == 3
    await put(client, "instructions", {"instructions": "mind the dog"}, 3)
    await press(browser, part, revision=2, **pressed)  # it is so already
    assert (await state(client))["revision"] == 4
    await put(client, part, undone, 4)
    answer = await browser.post(f"/sites/S1/{part}", data={"revision": 2, **pressed})  # the tab is loaded again
    assert answer.status_code == 412
    assert "Somebody has changed the configuration meanwhile" in answer.text
    assert (await state(client))["revision"] == 5
    await press(browser, part, revision=5, **pressed)  # the page that says so has the button


@pytest.mark.asyncio
async def test_a_button_of_an_older_page_does_what_it_says(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    await put(client, "instructions", {"instructions": "mind the dog"}, 1)
    api.user("ann@example.org", "customer")
    await press(await api.signed_in("ann@example.org"), "subscription", revision=1, subscribed="yes")
    assert (await state(client))["subscribed"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("now", "until", "is_taken"),
    [
        # In the night when clocks go back, one o'clock by the clock is 25 hours away, and 24 h are 24 hours.
        ("2026-10-24T13:00:00+02:00", "2026-10-25T12:00:00+01:00", True),
        ("2026-10-24T13:00:00+02:00", "2026-10-25T12:00:01+01:00", False),
        ("2026-10-24T13:00:00+02:00", "2026-10-25T13:00:00+01:00", False),
        ("2026-03-28T13:00:00+01:00", "2026-03-29T14:00:00+02:00", True),
        ("2026-03-28T13:00:00+01:00", "2026-03-29T14:00:01+02:00", False),
        # The hour that there is twice: by its offset it is one of them.
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", True),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+02:00", False),
    ],
)
async def test_a_day_has_24_hours(
    api: Api, monkeypatch: pytest.MonkeyPatch, now: str, until: str, is_taken: bool
) -> None:
    client = api.client("portal:*")
    await make(client)
    set_clock(monkeypatch, round(datetime.fromisoformat(now).timestamp() * 1000))
    answer = await put(client, "test", {"until": until}, 1)
    assert answer.status_code == (200 if is_taken else 422), answer.text
    if is_taken:
        assert parse_instant(answer.json()["test_until"]) == parse_instant(until)


@pytest.mark.asyncio
async def test_of_two_at_once_one_is_taken_and_the_same_twice_is_one(api: Api, rows: psycopg.Connection[Any]) -> None:
    client = api.client("portal:*")
    await make(client)
    answers = await asyncio.gather(
        *(put(client, "instructions", {"instructions": f"text {number}"}, 1) for number in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
    assert {answer.json()["revision"] for answer in answers} == {2}
    same = await asyncio.gather(*(put(client, "first-contact", ANN, 2) for _ in range(4)))
    assert {answer.status_code for answer in same} == {200}
    assert {answer.json()["revision"] for answer in same} == {3}
    assert rows.execute("SELECT count(*) FROM portal.revisions").fetchone() == (3,)


@pytest.mark.asyncio
async def test_a_turn_to_hash_words_is_not_waited_for_without_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("portal:*")
    await make(client)
    bodies = [ANN | {"password": f"corail {number}"} for number in range(20)]
    with monkeypatch.context() as patch:
        patch.setattr(service, "SECONDS", 0.5)
        taken, goes_on = held_up(patch)
        asked = asyncio.gather(*(put(client, "first-contact", body, 1) for body in bodies))
        try:
            for answer in await asyncio.wait_for(asked, 10):
                problem(answer, 503, "UNCONFIRMED")
        finally:
            goes_on.set()
    assert (await state(client))["revision"] == 1
    assert (await put(client, "first-contact", ANN, 1)).status_code == 200
    assert len(taken) <= 2  # those behind them gave their turns up


@pytest.mark.asyncio
async def test_who_stops_and_comes_back_finds_everything_as_it_was(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    for revision, (part, body) in enumerate(
        (("subscription", {"subscribed": True}), ("first-contact", ANN), ("address", HOME)), start=1
    ):
        assert (await put(client, part, body, revision)).status_code == 200
    before = await state(client)
    stopped = (await put(client, "subscription", {"subscribed": False}, 4)).json()
    assert (stopped["subscribed"], stopped["needs_attention"]) == (False, False)
    again = (await put(client, "subscription", {"subscribed": True}, 5)).json()
    assert {**again, "revision": 4} == before
    found = await api.store.site("S1")
    assert found is not None
    assert found.configuration.first is not None
    assert found.configuration.first.password_hash


@pytest.mark.asyncio
async def test_the_page_to_print_says_since_when_and_by_whom(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client("portal:*")
    await make(client)
    api.user("ann@example.org", "customer")
    browser = await api.signed_in("ann@example.org")
    page = await browser.get("/sites/S1/subscription")
    assert (page.status_code, page.headers["location"]) == (303, "/sites/S1/configuration")  # nothing to stop
    await press(browser, "subscription", revision=1, subscribed="yes")
    assert "danger" in (await browser.get("/sites/S1/subscription")).text
    await press(browser, "subscription", revision=2, subscribed="no")
    await press(browser, "intervention", revision=3, enabled="no")
    text = (await browser.get("/sites/S1/subscription")).text
    assert "ann@example.org" in text
    assert "<dd>3</dd>" in text  # the revision that stopped it
    monkeypatch.setattr(store, "LINES", 2)
    assert 'href="?before=3"' in (await browser.get("/sites/S1/history")).text
    first = (await browser.get("/sites/S1/history?before=3")).text
    assert "Site made" in first
    assert "Earlier changes" not in first


def test_portals_that_start_at_once_make_one_schema(database: PostgresSettings) -> None:
    def start(_number: int) -> int:
        with connect(database, "test") as connection:
            return len(migrate(connection))

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(start, range(6))) == [0, 0, 0, 0, 0, len(migrations())]
