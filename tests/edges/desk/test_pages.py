"""The pages in a browser: axe clean, from 360 px, light and dark, both languages; a call by keyboard alone."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.edges.desk.browsing import BREATH_MS, signed_in
from tests.edges.desk.floor import THREAT, WORD
from tests.edges.desk.memory import MemoryDesk
from tests.support.browser import NARROW, WIDE, browser, overflowing, stop_clock, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

__all__ = ["browser"]
pytestmark = pytest.mark.slow


def test_a_call_by_keyboard_alone(desk: MemoryDesk, browser: Browser, address: str) -> None:
    with signed_in(browser, address) as page:
        page.wait_for_selector("#nothing:not([hidden])")
        desk.alarm()
        page.wait_for_selector("#work [data-subject]")
        page.keyboard.press("n")
        page.wait_for_selector("#word")
        page.wait_for_selector("html[data-keys] #holder.good")
        assert "Hélène Martin" in page.inner_text("#script")
        page.keyboard.press("w")
        page.keyboard.type("emeraude")
        page.keyboard.press("Enter")
        page.wait_for_selector("#verdict.warning")
        page.keyboard.type(WORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#verdict.good")
        assert page.input_value("#word") == ""
        page.keyboard.press("g")
        page.keyboard.press("1")
        page.wait_for_selector("#after:not([hidden])")
        assert "Tout va bien" not in page.inner_text("#after")
        kept = page.content() + page.evaluate(
            "[...document.querySelectorAll('input')].map((box) => box.value).join() + JSON.stringify(localStorage)"
        )
        assert WORD not in kept
        assert "emeraude" not in kept
        page.keyboard.press("Enter")
        page.wait_for_selector("#nothing:not([hidden])")
    assert [value.rule for value in desk.scene.values("decisions")][-1] == "RESOLVED"


def test_a_word_that_is_typed_without_its_key_acts_on_nothing(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        stop_clock(page)  # one breath, however slow the machine is
        page.keyboard.type("52lorail")
        assert page.input_value("#word") == "52lorail"
        page.keyboard.press("Escape")
        page.fill("#word", "")
        page.keyboard.press("Escape")
        page.keyboard.press("x")  # no key of this page, and no word
        page.keyboard.press("b")
        page.clock.run_for(BREATH_MS)
        page.wait_for_selector("#word:focus")
        assert page.input_value("#word") == "xb"
        assert page.is_visible("#release")
    assert desk.scene.values("call-results") == []


def test_every_key_counts_on_a_page_opened_from_the_list(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.keyboard.press("w")
        page.keyboard.type("x")
        page.keyboard.press("Escape")
        page.keyboard.press("w")
        page.keyboard.press("Backspace")
        page.keyboard.type(THREAT)
        page.keyboard.press("Enter")
        page.wait_for_selector("#verdict.good")
        page.goto(f"{address}/attentions")
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.keyboard.press("s")
        page.wait_for_selector("#nothing:not([hidden])")
    assert [value.action for value in desk.scene.values("desk-log")][-1] == "ATTENTION_SEEN"


def test_the_word_for_threat_looks_right_but_for_a_small_mark(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.keyboard.press("n")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.fill("#word", THREAT)
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good.mark")
        assert page.inner_text("#verdict") == "Right"
        assert page.inner_text("#script") == "Merci, au revoir."
        html = page.content()
        assert THREAT not in html
        assert "duress" not in page.inner_text("main").lower()
    assert [value.outcome for value in desk.scene.values("call-results")] == ["DURESS_CODE"]


def test_a_page_that_came_late_has_the_desks_time(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm()

    def late(route: Route) -> None:
        time.sleep(1.5)
        route.continue_()

    there = "Pacific/Auckland"
    with signed_in(browser, address, timezone_id=there) as page:
        page.route("**/work/*", late)
        page.goto(f"{address}/work/{incident}-c1.1")
        assert abs(page.evaluate("now()") - 1000 * time.time()) < 1000
        opened = datetime.fromtimestamp((desk.state.incidents[incident].opened_at or 0) / 1000, ZoneInfo(there))
        assert page.inner_text("#steps time") == f"{opened:%H:%M:%S}"


def test_a_machine_answers_and_then_a_supervisor_takes_over(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#alarm")
        page.keyboard.press("n")
        page.wait_for_selector("html[data-keys] #holder.good")
        assert "Ronde Sécurité" in page.inner_text(".leave q")

        def late(route: Route) -> None:
            answer = route.fetch()
            time.sleep(0.5)
            route.fulfill(response=answer)

        page.route("**/result", late)  # the engine's next step is there before the answer is
        page.keyboard.press("m")
        page.keyboard.press("4")
        page.wait_for_selector("#after:has-text('The next contact is called.')")
        page.wait_for_selector("#onward:has-text('The next call is yours')")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.wait_for_selector("html[data-keys] #holder.good")
        for word in ("un", "deux", "trois"):
            page.fill("#word", word)
            page.press("#word", "Enter")
            page.wait_for_function("() => document.getElementById('word').value === ''")
        assert "avez-vous besoin d'aide" in page.inner_text("#script")  # no try is left, so nobody is asked for one
        desk.scene.claim(0, "TAKE_OVER", f"{incident}-c1.2", by="zoe")
        desk.catch_up()
        page.wait_for_selector("#status:has-text('zoe holds it.')")
        page.goto(f"{address}/")
        assert page.get_attribute("#alarm", "aria-pressed") == "true"
    (result,) = desk.scene.values("call-results")
    assert (result.outcome, result.message_left) == ("NO_ANSWER", True)


def test_what_is_typed_stays_until_it_is_taken(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm()
    with signed_in(browser, address) as page:
        page.keyboard.press("n")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.fill("#detail", "speaks softly")
        page.fill("#word", WORD)
        desk.is_frozen = True
        page.press("#word", "Enter")
        page.wait_for_selector("#status:has-text('Not confirmed')")
        assert page.input_value("#word") == WORD
        for number in range(50):
            desk.alarm(alert_id=f"B{number}")
        assert (page.input_value("#word"), page.input_value("#detail")) == (WORD, "speaks softly")
        desk.is_frozen = False
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good")
        desk.is_frozen = True
        page.click("button[value=IDENTIFIED]")
        page.wait_for_selector("#status:has-text('Not confirmed')")
        assert page.input_value("#detail") == "speaks softly"
        desk.is_frozen = False
        page.click("button[value=IDENTIFIED]")
        page.wait_for_selector("#after:not([hidden])")
    (result,) = desk.scene.values("call-results")
    assert (result.detail, result.incident_id) == ("speaks softly", incident)


def test_a_second_press_is_no_second_try(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.keyboard.press("n")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.fill("#word", "emeraude")
        page.evaluate("() => { const form = document.getElementById('word-form'); "
                      "form.requestSubmit(); form.requestSubmit(); form.requestSubmit(); }")  # fmt: skip
        page.wait_for_selector("#verdict.warning")
        assert "2" in page.inner_text("#verdict")
        page.fill("#word", WORD)
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good")
        page.evaluate("() => document.querySelectorAll('[value=IDENTIFIED]').forEach("
                      "(button) => { button.click(); button.click(); })")  # fmt: skip
        page.wait_for_selector("#after:not([hidden])")
        page.goto(f"{address}/")
        page.go_back()  # and says the same from the page as it was loaded again
        page.wait_for_selector("#holder")
        page.click("button[value=IDENTIFIED]")
        page.wait_for_selector("#after:not([hidden])")
    assert len(desk.state.tries) == 1
    assert [list(tries) for tries in desk.state.tries.values()] == [["WRONG", "RIGHT"]]
    assert len({value.result_id for value in desk.scene.values("call-results")}) == 1


def test_the_list_comes_back_after_a_proxys_refusals(desk: MemoryDesk, browser: Browser, address: str) -> None:
    with signed_in(browser, address) as page:
        page.wait_for_selector("#nothing:not([hidden])")
        page.route("**/v1/events?*", lambda route: route.fulfill(status=502, body="bad gateway"))
        page.reload()
        page.wait_for_function(
            "() => performance.getEntries().filter((one) => one.name.includes('/v1/events')).length >= 2"
        )
        assert desk.channel.clients == 0
        incident = desk.alarm()
        page.unroute("**/v1/events?*")
        page.wait_for_selector(f"#work [data-subject='{incident}-c1.1']")
        desk.scene.result(0, f"{incident}-c1.1", "IDENTIFIED", "NORMAL")
        desk.catch_up()
        page.wait_for_selector("#nothing:not([hidden])")


def test_a_list_of_many_calls_is_in_order_and_answers_keys(desk: MemoryDesk, browser: Browser, address: str) -> None:
    item = desk.work.items[f"{desk.alarm()}-c1.1"]
    for number in range(1, 1000):
        made = item._replace(subject=f"{number}-c1.1", since=item.since + number)
        desk.work.items[made.subject] = made
    with signed_in(browser, address) as page:
        page.wait_for_function("() => document.querySelectorAll('#work > li').length === 1000")
        ranks = "[...document.querySelectorAll('#work > li')].map((row) => row.dataset.rank)"
        assert page.evaluate(
            f"(() => {{ const found = {ranks}; return found.every((rank, at) => !at || found[at - 1] <= rank) }})()"
        )
        page.keyboard.press("n")
        page.wait_for_selector("html[data-keys] #holder.good")


def test_an_operator_closes_from_the_incidents_page(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm(kind="HOLD_UP")
    with signed_in(browser, address) as page:
        page.goto(f"{address}/incidents/{incident}")
        assert page.is_disabled("[data-opens=close]")
    with signed_in(browser, address, "zoe") as page:
        page.goto(f"{address}/incidents/{incident}")
        page.click("[data-opens=close]")
        page.fill("#reason-close", "the police are there")
        page.press("#reason-close", "Enter")
        page.wait_for_selector("#newer:not([hidden])")
    assert desk.state.incidents[incident].phase == "CLOSED"


def test_pages_are_clean_in_every_form(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm(kind="FIRE")
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND")
    desk.catch_up()
    attention = next(item.subject for item in desk.work.in_order() if item.item == "ATTENTION")
    paths = (
        "/", f"/work/{incident}-c1.1", f"/work/{attention}", f"/incidents/{incident}", "/find?q=martin", "/sites/S1",
        "/held", "/wall", "/attentions", "/sites/S1/history",
    )  # fmt: skip
    wrong = []
    for theme, size, language in (("light", WIDE, "en-GB"), ("dark", NARROW, "fr-FR")):
        with signed_in(browser, address, viewport=size, color_scheme=theme, locale=language) as page:
            page.add_init_script("window.setInterval = () => 0")  # a page that loads itself again would end its check
            for path in paths:
                page.goto(f"{address}{path}")
                page.wait_for_selector("#desk")
                wrong += [f"{path} {theme}: {violation}" for violation in violations(page)]
                if overflowing(page) > 0:
                    wrong.append(f"{path} {theme}: wider than the window by {overflowing(page)} px")
    assert wrong == [], "\n".join(wrong)
