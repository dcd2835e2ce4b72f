"""`make pictures`: docs/desk.png, docs/portal.png and docs/guard.png for the README, from `ronde play` as it runs."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from ronde.play.homes import HOMES, PASSWORD
from tests.edges.portal.screenshots import OWNER, fill
from tests.edges.portal.serving import PASSWORD as OWNERS_PASSWORD
from tests.play.running import Playing, playing
from tests.support.browser import WIDE, chromium, sign_in
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER: Final = Path("docs").absolute()
PHONE: Final = {"width": 390, "height": 780}


def main() -> int:
    """Take them."""
    home = HOMES[0]
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as place, chromium() as browser:
        for button in ("door", "cancel"):
            httpx.post(f"{place.panels}/send", data={"site": home.site_id, "button": button}, timeout=30)
        page = browser.new_page(viewport=WIDE, locale="en-GB", color_scheme="light")  # type: ignore[arg-type]
        sign_in(page, place.desk, "ann", PASSWORD)
        page.wait_for_selector("#work [data-subject]")
        page.keyboard.press("n")
        page.wait_for_selector("#holder.good")
        page.fill("#word", home.people[0].word)
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good")
        page.wait_for_selector("#seen-age:not(:empty)")  # it moves all below it
        page.screenshot(path=FOLDER / "desk.png")
        page.keyboard.press("b")
        page.keyboard.press("1")
        page.wait_for_selector("#after:not([hidden])")
        found = re.compile(r'href="(http://localhost:\d+/guard#[^"]+)"')
        link = eventually(lambda: found.search(httpx.get(place.panels).text), "the link of a guard's page")
        guard = browser.new_page(viewport=PHONE, locale="en-GB", color_scheme="light")  # type: ignore[arg-type]
        guard.goto(link[1])
        guard.wait_for_load_state("networkidle")
        guard.screenshot(path=FOLDER / "guard.png")
        take_portal(place, browser)
    return 0


def take_portal(place: Playing, browser: Browser) -> None:
    """An owner's page of a home whose address is missing; the play's own homes lack nothing."""
    fill(place.portal, place.folder / "users.json", place.folder / "tokens.json")
    page = browser.new_page(viewport=WIDE, locale="en-GB", color_scheme="light")  # type: ignore[arg-type]
    sign_in(page, place.portal, OWNER, OWNERS_PASSWORD)
    page.wait_for_url(f"{place.portal}/")

    def is_passed_on() -> bool:
        page.goto(f"{place.portal}/sites/S1/configuration")
        return page.get_by_text("Not yet passed on").count() == 0

    eventually(is_passed_on, "the home is passed on")
    page.screenshot(path=FOLDER / "portal.png", full_page=True)


if __name__ == "__main__":
    sys.exit(main())
