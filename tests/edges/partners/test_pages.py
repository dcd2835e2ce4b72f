"""The list of open dispatches and the guard's page in a browser, over a database, without Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from edges.partners.page_tokens import page_token
from service.postgres_settings import PostgresSettings
from tests.edges.partners.serving import PASSWORD, Served, command, serving
from tests.support.browser import NARROW, WIDE, browser, overflowing, violations
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["browser"]

LONG_ADDRESS = "12 bis allée des Grands-Châtaigniers-de-la-Combe"
KEPT = "Kept. It is sent as soon as there is reception."
OLD = "New commands do not arrive at the moment: this may be old."


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def partners(database: PostgresSettings, tmp_path: Path) -> Iterator[Served]:
    with serving(database, tmp_path) as served:
        yield served


@contextmanager
def telephone(browser: Browser, **more: Any) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=NARROW, locale="en-GB", **more)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    yield context
    context.close()


def link(partners: Served, dispatch_id: str, expires_at: int | None = None) -> str:
    key = partners.run(partners.store.page_key())
    return f"{partners.address}/guard#{page_token(key, dispatch_id, expires_at or now() + 3600_000)}"


def guards_page(context: BrowserContext, partners: Served, dispatch_id: str, expires_at: int | None = None) -> Page:
    """The page of a link, in a tab of its own."""
    page = context.new_page()
    page.goto(link(partners, dispatch_id, expires_at))
    return page


def reports(partners: Served) -> list[str]:
    return [orjson.loads(record.value or b"")["report_id"] for record in partners.kafka.written]


def tap(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("button", name=name).click()


def sign_in(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    tap(page, "Sign in")
    page.get_by_role("heading", name="Open dispatches").wait_for()


@pytest.mark.slow
def test_the_list_is_for_everybody_s_eyes_and_hands(partners: Served, browser: Browser) -> None:
    address = command("i3-d1").address
    assert address is not None
    partners.put(command("i1-d1", covert=True))
    partners.put(command("i2-d1", address=address._replace(line1=LONG_ADDRESS)))
    partners.put(command("i2-d1", "CANCEL", address=address._replace(line1=LONG_ADDRESS)))
    partners.put(command("i3-d1", address=None))
    partners.user("ann", "customer", "azur")
    with telephone(browser, timezone_id="Asia/Kolkata") as context:
        page = context.new_page()
        sign_in(page, partners.address)
        for theme in ("Light", "Dark"):
            tap(page, theme)
            page.locator(f"html[data-theme={theme.lower()}]").wait_for()
            for name, size in (("narrow", NARROW), ("wide", WIDE)):
                page.set_viewport_size(size)  # type: ignore[arg-type]
                assert violations(page) == [], f"{theme} {name}"
                assert not overflowing(page), f"{theme} {name}"
        assert page.get_by_text(OLD).count() == 0
        assert all("GMT+5:30" in time for time in page.locator("time").all_inner_texts())
        link = page.get_by_role("link", name="3 impasse")
        link.focus()
        page.locator("[data-dispatch=i1-d1]").evaluate("(item) => item.classList.add('same')")
        page.wait_for_timeout(3_000)
        assert page.locator(".same").count() == 1  # under the hands nothing is redrawn that did not change
        partners.put(command("i1-d1", "CANCEL", covert=True))
        page.locator("[data-dispatch=i1-d1]").get_by_text("called off").wait_for()
        assert link.evaluate("(link) => link === document.activeElement")
        context.set_offline(True)
        page.get_by_text("No connection: this may be old.").wait_for()
        assert violations(page) == []
        context.set_offline(False)
        page.get_by_text("No connection: this may be old.").wait_for(state="hidden")
        partners.sql("UPDATE partners.partitions SET read_at = %(at)s", at=now() - 6_000)
        tap(page, "Français")
        page.get_by_text("De nouveaux ordres n").wait_for()
        assert violations(page) == []
        page.get_by_role("link", name="3 impasse").click()
        page.get_by_text("Annulé : faites demi-tour").wait_for()
        page.get_by_role("button", name="terminé").wait_for()
        page.get_by_text("De nouveaux ordres n").wait_for()
        assert violations(page) == []
        tap(page, "English")  # the link stays in force
        page.get_by_role("button", name="It is over").wait_for()
        page.goto(partners.address)
        tap(page, "Sign out")
        page.get_by_role("button", name="Sign in", exact=True).wait_for()
        assert page.goto(partners.address) is not None
        assert page.url.endswith("/sign-in?next=%2F")


@pytest.mark.slow
def test_pages_turn_red_by_themselves_in_a_network_that_says_nothing(partners: Served, browser: Browser) -> None:
    partners.put(command("i1-d1"))
    partners.user("ann", "customer", "azur")
    with telephone(browser, service_workers="block") as context:
        page = context.new_page()
        sign_in(page, partners.address)
        guard = guards_page(context, partners, "i1-d1")
        guard.get_by_role("button", name="I accept").wait_for()
        for one in (page, guard):
            one.wait_for_timeout(3_000)
            assert one.locator(".message.red:visible").count() == 0
            # what is asked for from now on is never answered, nor given up
            one.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
            one.get_by_text("this may be old.").locator("visible=true").first.wait_for()
        page.reload()
        page.get_by_role("link", name="3 impasse").wait_for()
        page.get_by_role("heading", name="3 impasse").evaluate("(place) => getSelection().selectAllChildren(place)")
        page.wait_for_timeout(3_500)
        assert "3 impasse" in page.evaluate("getSelection().toString()")  # to be copied


@pytest.mark.slow
def test_taps_outlive_the_page_and_are_sent_by_that_of_another_dispatch(partners: Served, browser: Browser) -> None:
    for dispatch_id in ("i1-d1", "i2-d1"):
        partners.put(command(dispatch_id))
    with telephone(browser) as context:
        context.add_init_script("delete ServiceWorkerRegistration.prototype.sync")  # most browsers do not send for us
        page = guards_page(context, partners, "i1-d1")
        page.get_by_role("button", name="I accept").wait_for()
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        if not context.service_workers:  # or the worker, by which the page's requests go, would stay online
            context.wait_for_event("serviceworker")
        context.set_offline(True)
        began = now()
        tap(page, "I accept", "On my way")  # no reception, and yet the steps follow each other
        page.get_by_text(KEPT).wait_for()
        page.reload()
        page.get_by_text("3 impasse du Lavoir").wait_for()
        page.get_by_text(OLD).wait_for()
        tap(page, "I am there")
        page.get_by_text(KEPT).wait_for()
        page.close()
        # without reception the address is not on the telephone any more; the taps are
        page = guards_page(context, partners, "i1-d1")
        page.get_by_text(KEPT).wait_for()
        assert page.get_by_text("3 impasse du Lavoir").count() == 0
        page.close()
        assert reports(partners) == []
        context.set_offline(False)
        other = guards_page(context, partners, "i2-d1")
        eventually(lambda: len(reports(partners)) == 3, "they are sent")
        other.get_by_role("button", name="I accept").wait_for()
    assert reports(partners) == ["i1-d1-accepted", "i1-d1-en-route", "i1-d1-on-site"]
    for record in partners.kafka.written:
        assert began <= orjson.loads(record.value or b"")["reported_at"] <= now()


@pytest.mark.slow
def test_the_browser_sends_taps_though_no_page_is_open(partners: Served, browser: Browser) -> None:
    partners.put(command("i1-d1"))
    with telephone(browser) as context:
        page = guards_page(context, partners, "i1-d1")
        page.get_by_role("button", name="I accept").wait_for()
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        [worker] = context.service_workers
        assert worker.url == f"{partners.address}/guard-worker.js"
        context.set_offline(True)
        tap(page, "I accept")
        page.get_by_text(KEPT).wait_for()
        page.goto("about:blank")
        context.set_offline(False)
        devtools = context.new_cdp_session(page)
        found: list[str] = []
        devtools.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: found.extend(one["registrationId"] for one in event["registrations"]),
        )
        devtools.send("ServiceWorker.enable")
        while not found:
            page.wait_for_timeout(50)
        sync = {"origin": partners.address, "registrationId": found[0], "tag": "taps", "lastChance": False}

        def sent() -> list[str]:
            """As a browser does it, after minutes: again, as the network of a worker comes back in its own time."""
            devtools.send("ServiceWorker.dispatchSyncEvent", sync)
            page.wait_for_timeout(1_000)
            return reports(partners)

        eventually(sent, "it is sent")
    assert set(reports(partners)) == {"i1-d1-accepted"}  # two turns at once may send it twice


@pytest.mark.slow
def test_while_kafka_is_away_the_guard_sees_where_to_go(partners: Served, browser: Browser) -> None:
    partners.put(command("i1-d1"))
    with telephone(browser) as context:
        page = guards_page(context, partners, "i1-d1")
        partners.kafka.is_away = True
        tap(page, "I accept")
        page.get_by_text(KEPT).wait_for()
        page.reload()
        page.get_by_text("3 impasse du Lavoir").wait_for()
        page.get_by_role("button", name="On my way").wait_for()
        partners.put(command("i1-d1", "CANCEL"))
        page.get_by_text("Called off: turn back, and confirm.").wait_for()
        # two of the same: neither takes what the other has kept
        second = guards_page(context, partners, "i1-d1", now() + 1800_000)
        tap(second, "It is over")
        partners.kafka.is_away = False
        eventually(lambda: set(reports(partners)) == {"i1-d1-accepted", "i1-d1-closed"}, "both are taken")
        page.get_by_text("Sent.").wait_for()


@pytest.mark.slow
def test_a_tap_that_is_not_taken_is_not_silently_dropped(partners: Served, browser: Browser) -> None:
    partners.put(command("i1-d1"))
    with telephone(browser) as context:
        page = guards_page(context, partners, "i1-d1", now() + 8_000)
        page.get_by_role("button", name="I accept").wait_for()
        context.set_offline(True)
        tap(page, "I accept")
        time.sleep(8)
        context.set_offline(False)
        page.get_by_text("A step was not taken: telephone your control room.").wait_for()
        page.get_by_text("This link is not valid, or no longer").wait_for()
        assert violations(page) == []


def test_a_tap_made_before_the_end_is_taken_after_it(partners: Served) -> None:
    hour = 3600 * 1000
    partners.put(command("i1-d1"), now() - 3 * hour)
    partners.put(command("i1-d1", "CANCEL"), now() - 2 * hour)
    bearer = {"Authorization": f"Bearer {link(partners, 'i1-d1').partition('#')[2]}"}

    def put(at: int) -> int:
        written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))
        body = {"reported_at": written}
        return httpx.put(f"{partners.address}/v1/guard/closed", json=body, headers=bearer).status_code

    assert put(now()) == put(now() - 4 * hour) == put(now() - hour // 2) == 404
    assert reports(partners) == []
    assert put(now() - 3 * hour // 2) == 202
    assert reports(partners) == ["i1-d1-closed"]
