"""`make pictures`: docs/desk.png and docs/guard.png for the README, from `ronde play` as it runs."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Final

import httpx

from ronde.play.homes import HOMES, PASSWORD
from tests.play.running import playing
from tests.support.browser import chromium, sign_in
from tests.support.waiting import eventually

FOLDER: Final = Path("docs").absolute()
DESK: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 780}


def main() -> int:
    """Take them."""
    home = HOMES[0]
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as place, chromium() as browser:
        for button in ("door", "cancel"):
            httpx.post(f"{place.panels}/send", data={"site": home.site_id, "button": button}, timeout=30)
        page = browser.new_page(viewport=DESK, locale="en-GB", color_scheme="light")  # type: ignore[arg-type]
        sign_in(page, place.desk, "ann", PASSWORD)
        page.wait_for_selector("#work [data-subject]")
        page.keyboard.press("n")
        page.wait_for_selector("#holder.good")
        page.fill("#word", home.people[0].word)
        page.press("#word", "Enter")
        page.wait_for_selector("#verdict.good")
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
