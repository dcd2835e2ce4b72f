"""A browser for tests of pages: Chromium from `make tools`, or the machine's, driven by playwright.

A test that needs it takes the fixture ``browser`` (its conftest names it) and is skipped where there is no Chromium,
as with the other tools.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.deploy.tools import find, tool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from edges.web.application import WebApplication

NARROW: Final = {"width": 360, "height": 740}
WIDE: Final = {"width": 1280, "height": 900}
_ARGUMENTS: Final = ("--headless=shell", "--no-sandbox")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, ended with the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - heavy, and rarely needed

    program = find("chromium")
    assert program is not None, "there is no Chromium: `make tools` brings one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of a module, whose tests are no coroutines: while it runs, a loop of playwright's has the thread."""
    tool("chromium")
    with chromium() as running:
        yield running


@contextmanager
def served(app: WebApplication) -> Iterator[str]:
    """An app on a port of its own, in a thread and a loop of its own, which is its state's ``loop``; its address."""
    from edges.web.server import WebServer  # noqa: PLC0415 - heavy, and rarely needed

    loop = app.state.loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="web server")
    thread.start()
    server = WebServer(app, "127.0.0.1", 0)

    def run(coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    try:
        run(server.start())
        try:
            yield server.address
        finally:
            run(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    """Fill in the form that a site shows to somebody whom it does not know, and send it."""
    page.goto(f"{address}/")
    page.fill("#name", name)
    page.fill("#password", password)
    page.press("#password", "Enter")


def stop_clock(page: Page) -> datetime:
    """Let a page's time stand still, an hour ahead, until the test lets it run; return that time."""
    at = datetime.now(tz=UTC) + timedelta(hours=1)
    page.clock.install()
    page.clock.pause_at(at)
    return at


def violations(page: Page) -> list[str]:
    """What axe has against the page, by WCAG 2.2 AA and its own best practices: the rule, its help, the elements."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - heavy, and rarely needed

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{one['id']}: {one['help']}: {node['html']} {node['failureSummary']}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


def overflowing(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
