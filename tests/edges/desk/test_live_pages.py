"""The pages in a browser while time passes and others work: what happens is shown and heard, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import pytest

from edges.desk.claims import Hold
from edges.web.values import write_instant
from streams.escalation.step import set_aside_attention
from streams.escalation.values import Source
from tests.edges.desk.browsing import BREATH_MS, COUNTS_ALARMS, say_age, signed_in
from tests.edges.desk.memory import MemoryDesk, now_ms
from tests.support.browser import browser, stop_clock
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

__all__ = ["browser"]
pytestmark = pytest.mark.slow

STREAM: Final = "**/v1/events?*"
GATHER_MS: Final = 100  # of the page's script
_FAILS_TO_TAKE: Final = """(status) => {
  window.asked = 0;
  const asks = window.fetch;
  window.fetch = (path, options) => {
    if (!path.endsWith("/take")) return asks(path, options);
    window.asked += 1;
    return status ? Promise.resolve({ status, ok: false, text: async () => "{}" }) : Promise.reject(new TypeError());
  };
}"""


@pytest.mark.parametrize("place", ["/", "/incidents/{}", "/sites/S1", "/work/{}-c1.1"])
def test_what_happens_between_a_page_and_its_stream_is_shown(
    desk: MemoryDesk, browser: Browser, address: str, place: str
) -> None:
    incident = desk.alarm()
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    with signed_in(browser, address) as page:
        stop_clock(page)  # no renewal of the hold tells either
        page.route(STREAM, keep)
        with page.expect_request(STREAM):
            page.goto(f"{address}{place.format(incident)}")
        page.wait_for_selector("html[data-keys]")
        if place.startswith("/work"):
            page.wait_for_selector("#holder.good")
            desk.scene.claim(0, "TAKE_OVER", f"{incident}-c1.1", by="zoe")
            desk.catch_up()
            shown = "#holder:has-text('held by zoe')"
        else:
            desk.home("S2")
            fire = desk.alarm("S2" if place == "/" else "S1", "FIRE", "A2")
            desk.alarm(alert_id="A3")
            shown = f"#work [data-subject='{fire}-c1.1']" if place == "/" else "#newer:not([hidden])"
        assert page.locator(shown).count() == 0
        waiting.pop().continue_()
        page.wait_for_selector(shown)


def test_an_incident_that_is_set_aside_is_told_to_its_page_once(
    desk: MemoryDesk, browser: Browser, address: str
) -> None:
    incident = desk.alarm()
    with signed_in(browser, address) as page:
        page.goto(f"{address}/incidents/{incident}")
        page.wait_for_selector("html[data-keys]")
        desk.scene._add("attention", set_aside_attention("S1", None, Source("state", 0, 7), now_ms() + 1))
        desk.catch_up()
        page.wait_for_selector("#newer:not([hidden])")
        page.click("#newer a")
        page.wait_for_selector("text=Set aside by the engine")
        page.wait_for_selector("html[data-keys]")
        desk.state.moved.add(incident)
        desk.catch_up()
        say_age(desk, 1.4)
        page.wait_for_selector("#seen-age:has-text('1 s')")  # what was said before it has come
        assert page.is_hidden("#newer")


def test_an_inbound_call_that_was_answered_is_not_taken_again_by_its_page(
    desk: MemoryDesk, browser: Browser, address: str
) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.goto(f"{address}/sites/S1")
        page.select_option("#contact_id", index=1)
        page.click("#callback-form button")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.click("button[value=NO_ANSWER]")
        page.wait_for_selector("#after:not([hidden])")
        desk.catch_up()
        page.reload()
        page.wait_for_selector("#status:has-text('There is nothing to take')")
        assert [value.action for value in desk.scene.values("claims") if "-callback-" in value.subject] == [
            "TAKE",
            "RELEASE",
        ]
        page.click("#take")
        page.wait_for_selector("#holder.good")


def test_a_call_that_is_free_again_is_heard(desk: MemoryDesk, browser: Browser, address: str) -> None:
    subject = f"{desk.alarm()}-c1.1"
    item = desk.work.items[subject]

    def wait_for_holder(by: str) -> None:
        desk.catch_up()
        page.wait_for_selector(f"#work [data-holder]:has-text('{by}')" if by else "#work [data-open].main")

    with signed_in(browser, address) as page:
        page.add_init_script(COUNTS_ALARMS)
        stop_clock(page)
        page.reload()
        page.wait_for_selector("html[data-keys]")
        desk.scene.claim(0, "TAKE", subject, by="bob")
        wait_for_holder("bob")
        desk.scene.claim(0, "RELEASE", subject, by="bob")
        wait_for_holder("")
        assert page.evaluate("told") == 0
        page.clock.run_for(1000)
        assert page.evaluate("told") == 1
        desk.scene.claim(0, "TAKE", subject, by="bob")
        wait_for_holder("bob")
        desk.scene.claim(0, "RELEASE", subject, by="bob")
        wait_for_holder("")
        desk._publish("gone", subject)  # it was answered: the release was read first
        page.wait_for_selector("#nothing:not([hidden])")
        page.clock.run_for(1000)
        assert page.evaluate("told") == 1
        desk._publish("work", item)
        page.wait_for_selector("#work [data-subject]")
        page.clock.run_for(GATHER_MS)
        assert page.evaluate("told") == 2


def test_what_comes_together_is_heard_once_and_what_is_over_not_at_all(
    desk: MemoryDesk, browser: Browser, address: str
) -> None:
    item = desk.work.items[f"{desk.alarm()}-c1.1"]
    bob = Hold(item.subject, "S1", None, "bob", "PERSON", item.since, item.since, item.since + 60_000)
    with signed_in(browser, address) as page:
        page.add_init_script(COUNTS_ALARMS)
        stop_clock(page)
        page.reload()
        page.wait_for_selector("html[data-keys]")
        for number in range(40):
            one = item._replace(subject=f"{number}-c1.1", urgency=1)
            desk._publish("work", one)
            desk._publish("gone", one.subject)
        for holder in (None, bob):
            desk._publish("work", item._replace(subject="held", urgency=1, holder=holder))
        for subject, urgency in (("late", 4), ("first", 2), ("third", 3)):
            desk._publish("work", item._replace(subject=subject, urgency=urgency))
        page.wait_for_selector("#work [data-subject=third]")
        page.clock.run_for(GATHER_MS)
        assert page.evaluate("told") == 1
        heard = page.evaluate("toldOf")
        assert (heard["tag"], heard["renotify"]) == ("first", True)


def test_a_hold_that_ends_while_the_view_is_red_is_heard_only_if_nobody_renews_it(
    desk: MemoryDesk, browser: Browser, address: str
) -> None:
    item = desk.work.items[f"{desk.alarm()}-c1.1"]
    bob = Hold(item.subject, "S1", None, "bob", "PERSON", item.since, item.since, item.since + 60_000)

    def put(subject: str, holder: Hold | None) -> None:
        desk._publish("work", item._replace(subject=subject, holder=holder))
        shown = "held by bob" if holder else "Take"
        page.wait_for_selector(f"#work [data-subject={subject}]:has-text('{shown}')")

    with signed_in(browser, address) as page:
        page.add_init_script(COUNTS_ALARMS)
        stop_clock(page)
        page.reload()
        page.wait_for_selector("html[data-keys]")
        for subject in ("renewed", "left"):
            put(subject, bob)
        say_age(desk, 30)
        page.wait_for_selector("#age:not([hidden])")
        for subject in ("renewed", "left"):
            put(subject, None)
        page.clock.run_for(1000)
        assert page.evaluate("told") == 0
        for seconds in range(1, 24):
            say_age(desk, 0.4)
            page.wait_for_selector("#seen-age:has-text(': 0 s')")
            if seconds == 3:
                put("renewed", bob)
            page.clock.run_for(1000)
            page.wait_for_selector("#seen-age:has-text(': 1 s')")
            assert page.evaluate("told") == 0 or seconds > 18
        assert page.evaluate("told") == 1
        assert page.evaluate("toldOf.tag") == "left"


@pytest.mark.parametrize("word", ["gwen", "edwige", "4w2"])
def test_a_word_with_a_w_in_it_acts_on_nothing(desk: MemoryDesk, browser: Browser, address: str, word: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        stop_clock(page)  # one breath, however slow the machine is
        page.keyboard.type(word)
        page.clock.run_for(BREATH_MS)
        assert page.input_value("#word") == word
        assert page.is_checked("#result-form [value=UNKNOWN]")
    assert desk.scene.values("call-results") == []


@pytest.mark.parametrize("status", [0, 503])
def test_a_hold_whose_renewal_is_not_confirmed_is_renewed_soon(
    desk: MemoryDesk, browser: Browser, address: str, status: int
) -> None:
    subject = f"{desk.alarm()}-c1.1"
    with signed_in(browser, address) as page:
        stop_clock(page)
        page.goto(f"{address}/work/{subject}")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.evaluate(_FAILS_TO_TAKE, status)
        page.clock.run_for(21_000)
        assert page.evaluate("asked") == 1
        page.clock.run_for(6_000)
        assert page.evaluate("asked") == 2


@pytest.mark.parametrize(
    ("keys", "outcomes"),
    [
        (("4", "Enter"), ["NO_ANSWER"]),
        (("m", "Shift", "4"), ["NO_ANSWER"]),  # as a French keyboard has its digits
        (("4", "Tab"), ["NO_ANSWER"]),
        (("4", "Backspace"), []),
        (("4", "Escape"), []),
    ],
)
def test_no_key_of_the_page_is_put_into_the_words_box(
    desk: MemoryDesk, browser: Browser, address: str, keys: tuple[str, ...], outcomes: list[str]
) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        stop_clock(page)  # one breath, however slow the machine is
        for key in keys:
            page.keyboard.press(key)
        page.clock.run_for(BREATH_MS)
        if outcomes:
            page.wait_for_selector("#after:not([hidden])")
        assert page.input_value("#word") == ""
    assert [value.outcome for value in desk.scene.values("call-results")] == outcomes


def test_a_page_on_a_machine_that_slept_is_red_at_once(desk: MemoryDesk, browser: Browser, address: str) -> None:
    def is_heard() -> bool:
        say_age(desk, 0.4)
        return bool(page.inner_text("#seen-age"))

    with signed_in(browser, address) as page:
        at = stop_clock(page)
        page.reload()
        eventually(is_heard, "the page listens")
        say_age(desk, 1.4)
        page.wait_for_selector("#seen-age:has-text('Age of what you see: 1 s')")  # nothing said before is on its way
        assert page.is_hidden("#age")
        before = page.evaluate("now()")
        page.clock.set_system_time(at + timedelta(minutes=1))  # alone: performance.now() has stood still
        page.clock.run_for(250)
        page.wait_for_selector("#age:has-text('does not answer')")
        assert page.inner_text("#seen-age") == "Age of what you see: 61 s"
        assert 60_000 <= page.evaluate("now()") - before < 70_000
        say_age(desk, 0.4)
        page.wait_for_selector("#age", state="hidden")
        assert page.evaluate("now()") - before < 60_000


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_a_time_that_is_not_of_today_has_its_day(
    desk: MemoryDesk, browser: Browser, address: str, language: str
) -> None:
    there = ZoneInfo("Pacific/Auckland")
    incident = desk.alarm()
    opened = desk.state.incidents[incident].opened_at or 0
    at = datetime.fromtimestamp(opened / 1000, there)
    days = {"en-GB": f"{at:%b} {at.day}, ", "fr-FR": f"{at.day} "}
    with signed_in(browser, address, timezone_id=there.key, locale=language) as page:
        for ahead in (0, 1):
            desk.app.state.pages.clock = lambda ahead=ahead: opened + ahead * 24 * 3_600_000
            made = page.request.get(f"{address}/incidents/{incident}").text()
            instant = write_instant(opened)
            day = f"{instant[:10]} " if ahead else ""
            assert f'datetime="{instant}" title="{instant}" data-clock>{day}{instant[11:19]} UTC</time>' in made
            page.goto(f"{address}/incidents/{incident}")
            shown = page.locator("#steps time").first.inner_text()
            assert shown.startswith(days[language] if ahead else f"{at:%H}")
            assert shown.endswith(f"{at:%H:%M:%S}")


def test_a_time_that_comes_with_an_event_is_one_for_machines(desk: MemoryDesk, browser: Browser, address: str) -> None:
    with signed_in(browser, address) as page:
        page.wait_for_selector("#nothing:not([hidden])")
        desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND")
        desk.catch_up()
        (item,) = desk.work.in_order()
        instant = write_instant(item.since)
        page.wait_for_selector(f"#work [data-time] time[data-clock][datetime='{instant}']")
