"""The pages in a browser under hands that do what nobody expects: nothing typed is lost, nothing acts unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edges.desk.pages import AT_FIRST
from tests.edges.desk.browsing import COUNTS_ALARMS, say_age, signed_in
from tests.edges.desk.floor import PASSWORD, WORD
from tests.edges.desk.memory import MemoryDesk
from tests.support.browser import browser, stop_clock
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

__all__ = ["browser"]
pytestmark = pytest.mark.slow

_WAITS_UNTIL_TOLD = """
  const waiting = [];
  AbortSignal.timeout = () => (waiting[waiting.push(new AbortController()) - 1]).signal;
  window.endWaiting = () => { for (const one of waiting) one.abort(new DOMException("", "TimeoutError")); };
"""  # no request waits for a time: it waits for the test


def test_enter_presses_what_has_the_focus_on_a_call(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.focus("#release")
        page.keyboard.press("Enter")
        page.wait_for_selector("#work")
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.focus("nav a[href='/find']")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/find")


def test_enter_in_the_note_says_no_result(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.fill("#word", WORD)
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good")
        page.press("[value=NORMAL]", "Enter")
        page.fill("#detail", "the neighbour")
        page.press("#detail", "Enter")
        page.keyboard.press("Escape")
        page.keyboard.press("4")
        page.wait_for_selector("#after:not([hidden])")
    assert [value.outcome for value in desk.scene.values("call-results")] == ["NO_ANSWER"]


def test_a_press_after_a_refusal_has_its_own_time(desk: MemoryDesk, browser: Browser, address: str) -> None:
    """The engine takes an answer from before the last alert for a stale one."""
    desk.alarm()
    with signed_in(browser, address) as page:
        page.click("#work [data-open]")
        page.wait_for_selector("html[data-keys] #holder.good")
        with page.expect_response("**/result") as refused:
            page.keyboard.press("1")
        assert refused.value.status == 409
        page.fill("#word", WORD)
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good")
        page.keyboard.press("Escape")
        with page.expect_response("**/result") as taken:
            page.keyboard.press("1")
        assert taken.value.status == 202
        bodies: list[Any] = [one.value.request.post_data_json for one in (refused, taken)]
    first, second = bodies
    assert first | {"at": second["at"]} == second
    assert first["at"] < second["at"]


def test_a_form_sends_nothing_before_the_script_is_there(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm()
    with signed_in(browser, address) as page:
        page.route("**/desk*.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        for path, box in ((f"/work/{incident}-c1.1", "#word"), (f"/incidents/{incident}", "#text")):
            page.goto(f"{address}{path}")
            page.fill(box, WORD)
            page.press(box, "Enter")
            page.eval_on_selector_all(
                "#desk form",
                "forms => forms.filter(form => form.checkVisibility()).forEach(form => form.requestSubmit())",
            )
            page.wait_for_timeout(500)
            assert page.url == f"{address}{path}"
            assert page.input_value(box).strip() == WORD


def test_what_is_typed_outlasts_the_session(desk: MemoryDesk, browser: Browser, address: str) -> None:
    incident = desk.alarm()
    with signed_in(browser, address) as page:
        beside = page.context.new_page()
        beside.goto(f"{address}/incidents/{incident}")
        beside.wait_for_selector("html[data-keys]")
        page.goto(f"{address}/incidents/{incident}")
        page.fill("#text", "half a sentence")
        answer = page.evaluate("fetch('/v1/session', { method: 'DELETE' }).then((answer) => answer.status)")
        assert answer == 204
        desk.end_streams()  # the streams come again, and are refused
        page.wait_for_selector("#signed-out:not([hidden])")
        assert page.input_value("#text") == "half a sentence"
        beside.wait_for_url("**/sign-in?next=*")  # where nothing was typed
        beside.fill("#name", "ann")
        beside.fill("#password", PASSWORD)
        beside.press("#password", "Enter")
        beside.wait_for_url(f"{address}/incidents/{incident}")
        page.wait_for_selector("#signed-out", state="hidden")
        page.click("#note-form button")
        page.wait_for_selector("#status:has-text('Kept.')")
    assert [value.detail for value in desk.scene.values("desk-log") if value.action == "NOTE"] == ["half a sentence"]


def test_the_wallboard_outlasts_a_desk_that_is_away(desk: MemoryDesk, browser: Browser, address: str) -> None:
    with signed_in(browser, address) as page:
        page.goto(f"{address}/wall")
        page.wait_for_selector("html[data-keys]")
        page.focus("nav a[href='/held']")
        page.context.set_offline(True)
        page.wait_for_timeout(6000)
        desk.alarm()
        assert page.inner_text(".wall .large") == "0"
        page.context.set_offline(False)
        page.wait_for_selector(".wall .large:has-text('1')")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "/held"  # still in the reader's hand


def test_the_age_is_shown_and_red_above_5_s_by_silence_too(desk: MemoryDesk, browser: Browser, address: str) -> None:
    with signed_in(browser, address) as page:
        page.wait_for_selector("#nothing:not([hidden])")
        say_age(desk, 0.4)
        page.wait_for_selector("#seen-age:has-text('Age of what you see: 0 s')")
        assert page.is_hidden("#age")
        say_age(desk, 4.0)
        page.wait_for_selector("#age:has-text('does not answer')")  # 4 s as it was said, and the silence since
        say_age(desk, 9.0)
        page.wait_for_selector("#age:has-text('9 s old')")
        say_age(desk, 0.4)
        page.wait_for_selector("#age", state="hidden")


def test_what_comes_and_goes_while_the_list_is_loaded_is_shown(
    desk: MemoryDesk, browser: Browser, address: str
) -> None:
    subject = f"{desk.alarm()}-c1.1"
    item = desk.work.items[subject]
    made = {name: item._replace(subject=name) for name in ("2-c1.1", "3-c1.1")}
    loaded: list[str] = []

    def late(route: Route) -> None:
        desk.work.items["3-c1.1"] = made["3-c1.1"]
        answer = route.fetch()
        if not loaded:
            loaded.append(answer.text())
            desk._publish("work", made["2-c1.1"])
            page.wait_for_selector("#work [data-subject='2-c1.1']")
            desk._publish("gone", subject)
            page.wait_for_selector(f"#work [data-subject='{subject}']", state="detached")
        route.fulfill(response=answer)

    with signed_in(browser, address) as page:
        page.route("**/v1/work", late)
        desk.channel.publish("reset", {})
        page.wait_for_selector("#work [data-subject='3-c1.1']")  # which the answer alone has
        subjects = "[...document.querySelectorAll('#work > li')].map((row) => row.dataset.subject)"
        assert sorted(page.evaluate(subjects)) == ["2-c1.1", "3-c1.1"]
    assert subject in loaded[0]


def test_a_request_that_nobody_answers_ends_and_is_said_again(desk: MemoryDesk, browser: Browser, address: str) -> None:
    desk.alarm()
    lost: list[Route] = []

    def lose(route: Route) -> None:
        lost.append(route)  # and no answer

    with signed_in(browser, address) as page:
        page.add_init_script(_WAITS_UNTIL_TOLD)
        page.keyboard.press("n")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.fill("#word", WORD)
        for pattern, press, after in (
            ("**/word", "#word-form button", "#verdict.good"),
            ("**/result", "button[value=IDENTIFIED]", "#after:not([hidden])"),
        ):
            page.route(pattern, lose)
            with page.expect_request(pattern):
                page.click(press)
            page.wait_for_selector("#status:has-text('…')")
            page.evaluate("endWaiting()")
            page.wait_for_selector("#status:has-text('Not confirmed')")
            page.unroute(pattern)
            page.click(press)
            page.wait_for_selector(after)
    assert len(lost) == 2
    assert len(desk.scene.values("call-results")) == 1


def test_a_stream_that_says_nothing_is_asked_for_again(desk: MemoryDesk, browser: Browser, address: str) -> None:
    silent: list[Route] = []

    def hang(route: Route) -> None:
        if silent:
            return route.continue_()
        return silent.append(route)

    with signed_in(browser, address) as page:
        page.clock.install()
        page.route("**/v1/events?*", hang)
        with page.expect_request("**/v1/events?*"):
            page.reload()
        page.wait_for_selector("html[data-keys]")
        subject = f"{desk.alarm()}-c1.1"
        with page.expect_request("**/v1/events?*"):
            page.clock.fast_forward(11_000)
        page.wait_for_selector(f"#work [data-subject='{subject}']")
    assert len(silent) == 1


def test_what_the_list_comes_without_at_first_sounds_no_alarm(desk: MemoryDesk, browser: Browser, address: str) -> None:
    item = desk.work.items[f"{desk.alarm()}-c1.1"]

    def add(first: int, count: int) -> None:
        for number in range(first, first + count):
            made = item._replace(subject=f"{number}-c1.1", since=item.since + number)
            desk.work.items[made.subject] = made

    add(0, AT_FIRST + 20)  # more than the page comes with
    with signed_in(browser, address) as page:
        page.add_init_script(COUNTS_ALARMS)
        page.reload()
        page.wait_for_function(f"() => document.querySelectorAll('#work > li').length === {AT_FIRST + 21}")
        assert page.evaluate("told") == 0
        add(1000, 20)  # and the stream missed it
        desk.channel.publish("reset", {})
        page.wait_for_function(f"() => document.querySelectorAll('#work > li').length === {AT_FIRST + 41}")
        page.wait_for_function("() => told === 1")
        desk._publish("work", item._replace(subject="2000-c1.1"))
        page.wait_for_selector("#work [data-subject='2000-c1.1']")
        page.wait_for_function("() => told === 2")


@pytest.mark.parametrize("by", ["event", "reset", "renewal"])
def test_a_call_that_is_lost_is_not_held_by_its_page(desk: MemoryDesk, browser: Browser, address: str, by: str) -> None:
    subject = f"{desk.alarm()}-c1.1"
    refusal = '{"code": "HELD", "holder": {"by": "zoe"}}'

    def is_heard() -> bool:
        say_age(desk, 0.4)
        return bool(page.inner_text("#seen-age"))

    with signed_in(browser, address) as page:
        page.clock.install()
        page.goto(f"{address}/work/{subject}")
        page.wait_for_selector("html[data-keys] #holder.good")
        eventually(is_heard, "the page listens")
        if by == "event":
            desk._publish("gone", subject)
        elif by == "reset":
            del desk.work.items[subject]
            desk.channel.publish("reset", {})
        else:
            page.route("**/v1/work", lambda _: None)  # the stream tells nothing either
            page.route(
                "**/take",
                lambda route: route.fulfill(status=409, content_type="application/problem+json", body=refusal),
            )
            page.clock.fast_forward(21_000)
        says, holder = ("zoe holds it.", "held by zoe") if by == "renewal" else ("nothing to take", "Nobody holds it")
        page.wait_for_selector(f"#status:has-text('{says}')")
        page.wait_for_selector(f"#holder.warning:has-text('{holder}')")
        assert page.is_hidden("#release")


def test_the_answer_that_ends_a_call_says_so_though_the_stream_is_faster(
    desk: MemoryDesk, browser: Browser, address: str
) -> None:
    subject = f"{desk.alarm()}-c1.1"

    def late(route: Route) -> None:
        answer = route.fetch()
        page.wait_for_function("() => window.hasGone === true")
        page.evaluate("new Promise((resolve) => { setTimeout(resolve); })")
        said.append(page.inner_text("#status"))
        route.fulfill(response=answer)

    said: list[str] = []
    with signed_in(browser, address) as page:
        page.goto(f"{address}/work/{subject}")
        page.wait_for_selector("html[data-keys] #holder.good")
        page.evaluate(
            "new Promise((resolve) => { const stream = new EventSource('/v1/events'); stream.onopen = resolve; "
            "stream.addEventListener('gone', () => { window.hasGone = true; }); })"
        )
        page.route("**/result", late)
        page.keyboard.press("4")
        page.wait_for_selector("#after:not([hidden])")
        assert page.inner_text("#status") == "Kept."
    assert said == ["Being kept…"]


@pytest.mark.parametrize("name", ["incident", "reset"])
def test_a_homes_page_says_that_something_has_happened(
    desk: MemoryDesk, browser: Browser, address: str, name: str
) -> None:
    def tell(of_site: str, name: str = "incident") -> None:
        value = {"incident_id": "I1", "site_id": of_site, "phase": "CALLING", "version": 1}
        desk.channel.publish(name, value if name == "incident" else {})

    def is_heard() -> bool:
        tell("S2")
        say_age(desk, 0.4)
        return bool(page.inner_text("#seen-age"))

    with signed_in(browser, address) as page:
        stop_clock(page)  # no silence, however slow the machine is
        page.goto(f"{address}/sites/S1")
        eventually(is_heard, "the page listens")
        assert page.is_hidden("#newer")
        tell("S1", name)
        page.wait_for_selector("#newer:not([hidden])")


def test_a_list_that_could_not_be_loaded_is_loaded_again(desk: MemoryDesk, browser: Browser, address: str) -> None:
    item = desk.work.items[f"{desk.alarm()}-c1.1"]
    for number in range(AT_FIRST + 1):  # more than the page comes with
        made = item._replace(subject=f"{number}-c1.1", since=item.since + number)
        desk.work.items[made.subject] = made
    refused: list[str] = []

    def refuse(route: Route) -> None:
        if len(refused) == 2:
            return route.continue_()
        refused.append(route.request.url)
        return route.fulfill(status=503, content_type="application/problem+json", body='{"code": "UNCONFIRMED"}')

    with signed_in(browser, address) as page:
        page.route("**/v1/work", refuse)
        page.reload()
        page.wait_for_function(f"() => document.querySelectorAll('#work > li').length === {AT_FIRST + 2}")
    assert len(refused) == 2
