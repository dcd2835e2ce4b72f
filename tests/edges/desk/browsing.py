"""A desk's pages in a browser: who has signed in, and what the tests say to its pages' scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from edges.web.values import write_instant
from tests.edges.desk.floor import PASSWORD
from tests.edges.desk.memory import MemoryDesk
from tests.support.browser import WIDE, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BREATH_MS: Final = 250  # of the page's script
COUNTS_ALARMS: Final = """
  localStorage.setItem("ronde-sound", "on");
  window.told = 0;
  window.Notification = function (title, options) {
    window.told += 1;
    window.toldOf = options;
    throw new TypeError("Illegal constructor");
  };
  Notification.permission = "granted";
"""  # as in Chrome on Android


@contextmanager
def signed_in(browser: Browser, address: str, name: str = "ann", **options: Any) -> Iterator[Page]:
    context = browser.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
    page = context.new_page()
    sign_in(page, address, name, PASSWORD)
    page.wait_for_selector("html[data-keys]")  # the page's script listens
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        yield page
        assert [
            error for error in errors if not any(code in error for code in ("401", "409", "502", "503", "DISCONNECTED"))
        ] == []
    finally:
        context.close()


def say_age(desk: MemoryDesk, seconds: float) -> None:
    now = write_instant(desk.clock.now())
    desk.channel.publish("age", {"seconds": seconds, "partitions": [], "now": now, "clock_ms": 0, "forgotten": 0})
