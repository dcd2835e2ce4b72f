"""`make screenshots`: pictures of the desk's pages into dist/screenshots."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edges.values import Signal
from service import logs
from tests.edges.desk.floor import PASSWORD, people
from tests.edges.desk.memory import MemoryDesk
from tests.support.browser import NARROW, WIDE, chromium, served, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path("dist/screenshots")


def main() -> int:
    """Take them, in both languages, light and dark, narrow and wide."""
    logs.configure("console", "warning")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        people(Path(folder), ann="operator", zoe="supervisor")
        desk = MemoryDesk(Path(folder))
        paths = fill(desk)
        with served(desk.app) as address, chromium() as browser:
            for language in ("en", "fr"):
                for theme in ("light", "dark"):
                    for name, size in (("narrow", NARROW), ("wide", WIDE)):
                        context = browser.new_context(viewport=size, color_scheme=theme, locale=language)  # type: ignore[arg-type]
                        page = context.new_page()
                        take(page, address, paths, f"{language}-{theme}-{name}")
                        context.close()
            desk.end_streams()
    return 0


def fill(desk: MemoryDesk) -> dict[str, str]:
    """Homes with calls, attentions and signals; the paths to show, by name."""
    for number in range(4):
        desk.home(f"HOME-{number}")
    first = desk.alarm("HOME-0")
    desk.alarm("HOME-1", "FIRE", "A2")
    desk.alarm("HOME-2", "HOLD_UP", "A3")
    desk.alarm("HOME-3", "TAMPER", "A4")
    desk.scene.result(0, None, "DURESS_CODE", direction="INBOUND", site_id="HOME-2")
    at = desk.clock.now()
    desk.scene._add(
        "signals",
        Signal(
            f"1234-8-00000000-{at}-r1-1", "HOME-0", "1234", "DC09", "0008", "406", "NEW", "1", None, "3", "CANCEL",
            None, None, "SIGNAL", None, None, None, at, "r1", False, None, b"raw",
        ),
    )  # fmt: skip
    desk.scene.claim(0, "TAKE", f"{first}-c1.1", by="zoe", site_id="HOME-0")
    desk.catch_up()
    attention = next(item.subject for item in desk.work.in_order() if item.item == "ATTENTION")
    return {
        "work": "/", "call": f"/work/{first}-c1.1", "attention": f"/work/{attention}",
        "incident": f"/incidents/{first}",
        "attentions": "/attentions", "find": "/find?q=martin", "site": "/sites/HOME-0",
        "history": "/sites/HOME-0/history", "held": "/held", "wall": "/wall",
    }  # fmt: skip


def take(page: Page, address: str, paths: dict[str, str], form: str) -> None:
    """Each page once, in one form."""
    sign_in(page, address, "zoe", PASSWORD)
    page.wait_for_selector("html[data-keys]")
    for part, file in files(paths, form):
        page.goto(f"{address}{part}")
        page.wait_for_selector("#desk")
        page.screenshot(path=file, full_page=True)
        print(file)  # noqa: T201 - it is a command


def files(paths: dict[str, str], form: str) -> Iterator[tuple[str, Path]]:
    """A path and its picture's file."""
    return ((path, FOLDER / f"desk-{name}-{form}.png") for name, path in paths.items())


if __name__ == "__main__":
    sys.exit(main())
