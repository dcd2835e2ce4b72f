"""Two browsers at two desks take one call at the same time: each round has one holder, and both pages show the same.

The long form (`pytest -m soak`) has 200 rounds.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from tests.edges.desk.conftest import StartDesk
from tests.edges.desk.floor import PASSWORD, contacts, written
from tests.kafka.world import World
from tests.support.browser import browser, sign_in
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = pytest.mark.slow

FREE: Final = "() => document.getElementById('holder').textContent === 'Nobody holds it'"
HELD: Final = "() => document.getElementById('holder').textContent !== 'Nobody holds it'"


def signed_in(browser: Browser, address: str, name: str, stack: ExitStack) -> Page:
    """An operator's page, on the list of work."""
    context = browser.new_context(locale="en-GB")
    stack.callback(context.close)
    page = context.new_page()
    sign_in(page, address, name, PASSWORD)
    page.wait_for_selector("#next")
    return page


def test_one_call_two_browsers_one_holder(
    world: World, engine: RondeProcess, start_desk: StartDesk, browser: Browser, seed: int, is_soak: bool
) -> None:
    desks = {"ann": start_desk("desk-1"), "bob": start_desk("desk-2")}
    engine.wait_ready()
    world.site("S1", contacts=contacts("S1"))
    world.wait_for("S1", "readiness")
    clients = {name: desk.operator(name) for name, desk in desks.items()}
    rounds, wanted = 0, 200 if is_soak else 5
    with ExitStack() as stack:
        pages = {name: signed_in(browser, desk.wait_listening(), name, stack) for name, desk in desks.items()}
        world.alert("S1", "A1")
        deadline = time.monotonic() + 100  # the call is over after two minutes
        subject = clients["ann"].wait_call("S1")["subject"]
        clients["bob"].wait_call("S1")
        for name, page in pages.items():
            page.goto(f"{desks[name].wait_listening()}/work/{subject}")
            page.wait_for_selector("html[data-keys]")
        while True:
            for page in pages.values():  # who opens a page takes the call, where nobody holds it
                page.wait_for_function(HELD)
            [winner] = [name for name, page in pages.items() if page.query_selector("#holder.good")]
            [other] = [name for name in pages if name != winner]
            assert pages[other].inner_text("#holder") == f"held by {winner}"
            rounds += 1
            if rounds == wanted or time.monotonic() > deadline:
                break

            def is_free(winner: str = winner) -> bool:
                """Let go of it; again where the page renewed its hold meanwhile, as it does every 20 s."""
                clients[winner].post(f"/v1/work/{subject}/release")
                return all(page.evaluate(FREE) for page in pages.values())

            eventually(is_free, "both pages show that nobody holds it", 30)
            for page in pages.values():
                page.keyboard.press("t")
    assert rounds == wanted
    actions = Counter(claim.action for claim in written(world, "claims"))
    assert actions["RELEASE"] >= rounds - 1
    assert actions["TAKE"] >= rounds  # and what the losers wrote, and what renewed a hold
