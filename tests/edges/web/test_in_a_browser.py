"""The elements of the pages in a real browser: axe, narrow and wide, light and dark, keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from edges.web import accounts
from tests.edges.web.showcase import showcase
from tests.edges.web.test_sign_in import CHEAP, PASSWORD
from tests.support.browser import NARROW, WIDE, overflowing, served, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("showcase")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "hashed", CHEAP.hash)
        accounts.add(folder / "users.json", "zoe", "operator", (), PASSWORD)
    with served(showcase(folder)) as running:
        yield running


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page, and nothing that the browser has to say against it."""
    context = browser.new_context(**getattr(request, "param", {"viewport": WIDE, "locale": "en-GB"}))
    made = context.new_page()
    said: list[str] = []
    made.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    made.on("pageerror", lambda error: said.append(str(error)))
    yield made
    context.close()
    assert [line for line in said if "401" not in line] == []


def looks() -> list[Any]:
    return [
        pytest.param(
            {"viewport": size, "color_scheme": theme, "locale": locale}, id=f"{theme}-{size['width']}-{locale}"
        )
        for theme in ("light", "dark")
        for size, locale in ((NARROW, "fr-FR"), (WIDE, "en-GB"))
    ]


@pytest.mark.parametrize("page", looks(), indirect=True)
@pytest.mark.parametrize("path", ["/components", "/sign-in"])
def test_axe_has_nothing_against_a_page_and_it_fits(page: Page, address: str, path: str) -> None:
    page.goto(address + path)
    assert violations(page) == []
    assert overflowing(page) <= 0


def test_a_dialog_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/components")
    page.locator("[data-opens]").focus()
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").is_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.dataset.opens") == "cancel"


def test_everything_is_reached_by_tab_and_its_focus_is_seen(page: Page, address: str) -> None:
    page.goto(f"{address}/components")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    operable = page.evaluate(
        "[...document.querySelectorAll('a[href], button:not(:disabled), input:not([type=hidden]), select, textarea')]"
        ".filter(element => element.checkVisibility() && !(element.type == 'radio' && !element.checked)).length"
    )
    reached = 1
    for _ in range(operable + 5):
        page.keyboard.press("Tab")
        kind, outline = page.evaluate(
            "() => { const e = document.activeElement, style = getComputedStyle(e);"
            " return [e.tagName, style.outlineStyle + style.outlineWidth]; }"
        )
        if kind == "BODY":
            break
        assert outline == "solid3px", kind
        reached += kind in {"A", "BUTTON", "INPUT", "SELECT", "TEXTAREA"}
    assert reached == operable


def test_time_runs_by_the_server_s_clock(page: Page, address: str) -> None:
    page.clock.install(time="2031-01-01T00:00:00Z")  # the browser's own clock is years off
    page.goto(f"{address}/components")
    page.clock.run_for(2000)
    over, soon, later = page.locator(".countdown").all()
    assert [item.get_attribute("data-state") for item in (over, soon, later)] == ["over", "soon", "runs"]
    assert over.locator("time").inner_text() == "0:00"
    assert later.locator("time").inner_text().startswith("2:2")
    assert soon.inner_text().endswith("soon")


def test_sign_in_and_switches_work_without_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="fr-FR", viewport=NARROW)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/private")
    page.get_by_label("Nom").fill("zoe")
    page.get_by_label("Mot de passe").fill("wrong")
    page.keyboard.press("Enter")
    assert "faux" in page.get_by_role("alert").inner_text()
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/private")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Dark").click()
    page.locator("html[data-theme=dark][lang=en]").wait_for()
    assert page.url == f"{address}/private"
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{address}/sign-in")
    context.close()


def test_a_form_is_sent_once_by_a_double_press_and_again_after_waiting_in_vain(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    form = page.locator("main form")
    press = "form => form.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))"
    assert form.evaluate(press)
    assert not form.evaluate(press)
    page.locator("main form:not([data-sent])").wait_for()  # somebody stopped the browser, or the server said nothing
    assert form.evaluate(press)


@pytest.mark.parametrize("page", [{"viewport": WIDE, "color_scheme": "dark"}], indirect=True)
def test_what_is_printed_is_dark_on_white_also_where_the_screen_is_dark(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    page.get_by_role("button", name="Dark").click()
    page.locator("html[data-theme=dark]").wait_for()
    page.emulate_media(media="print", color_scheme="dark")
    for part in ("body", "h1"):
        color = page.locator(part).first.evaluate("element => getComputedStyle(element).color")
        assert max(map(int, color.removeprefix("rgb(").rstrip(")").split(","))) < 64, color
    assert page.locator(".head").first.is_hidden()
