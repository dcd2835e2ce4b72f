"""The guard's page in a browser, on and off line, over a running process; and the example of a partner."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from edges.partners.guard import next_steps
from edges.web import tokens
from tests.edges.partners.conftest import House, PartnerSystem
from tests.support.browser import browser, overflowing, violations
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

ROOT: Final = Path(__file__).parents[3]


def test_what_a_guard_may_say_next() -> None:
    assert next_steps("REQUEST", []) == ["accepted", "rejected"]
    assert next_steps("AMEND", ["accepted"]) == ["en-route", "on-site"]
    assert next_steps("CANCEL", ["accepted", "en-route"]) == ["closed"]
    assert next_steps("CANCEL", ["accepted", "closed"]) == next_steps("REQUEST", ["rejected"]) == []


@pytest.mark.slow
def test_a_tap_without_reception_is_kept_and_sent_again(house: House, system: PartnerSystem, browser: Browser) -> None:
    house.add(system)
    process = house.start()
    process.wait_ready()
    house.dispatch(covert=True)
    [hook] = system.wait()
    address = str(eventually(lambda: process.field("partners listen", "address"), "it listens"))
    link = hook.body["page_url"].replace("https://guards.example", address)
    token = link.partition("#")[2]
    answer = httpx.get(link)
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|onclick", answer.text)
    assert httpx.get(f"{address}/v1/guard", headers={"Authorization": f"Bearer {token}x"}).status_code == 401
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    page.goto(link)
    page.get_by_text("Covert: arrive unseen").wait_for()
    page.get_by_text("3 impasse du Lavoir, 74300 Cluses").wait_for()
    assert violations(page) == []
    assert not overflowing(page)
    page.get_by_role("button", name="I accept").click()
    page.get_by_role("button", name="On my way").wait_for()
    context.set_offline(True)
    page.get_by_role("button", name="On my way").click()
    page.get_by_text("Kept. It is sent as soon as there is reception.").wait_for()
    assert [report["status"] for report in house.broker.read("dispatch-reports")] == ["ACCEPTED"]
    context.set_offline(False)
    page.get_by_role("button", name="I am there").wait_for()
    house.dispatch("CANCEL")
    page.get_by_text("Called off: turn back, and confirm.").wait_for()
    page.get_by_role("button", name="It is over").click()
    page.get_by_text("Sent.").wait_for()
    context.close()
    statuses = [report["status"] for report in house.broker.read("dispatch-reports")]
    assert statuses == ["ACCEPTED", "EN_ROUTE", "CLOSED"]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def example(house: House, port: int, tmp_path: Path) -> Iterator[None]:
    """The example of a partner beside a running process."""
    secret = house.command("add", "azur", "--url", f"http://127.0.0.1:{port}/", "--allow-private").strip()
    process = house.start()
    process.wait_ready()
    address = str(eventually(lambda: process.field("partners listen", "address"), "it listens"))
    token = tokens.add(house.settings.web.tokens_file, "azur", ("partner:azur",))
    running = subprocess.Popen(
        [sys.executable, ROOT / "examples" / "partner_http.py", str(port)],
        cwd=tmp_path,
        env={**os.environ, "RONDE": address, "RONDE_SECRET": secret, "RONDE_TOKEN": token},
        stderr=subprocess.DEVNULL,
    )
    yield
    running.kill()
    running.wait()


def test_the_documentation_s_curl_reports_and_lists(house: House, system: PartnerSystem) -> None:
    text = (ROOT / "docs" / "partners.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(curl .*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    house.add(system)
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    address = str(process.field("partners listen", "address"))
    token = tokens.add(house.settings.web.tokens_file, "curl", ("partner:azur",))
    said = []
    for command in commands:
        here = command.replace("https://ronde.example", address).replace("9f1c02d4a37be05512ab77c0-d1", "i1-d1")
        ran = subprocess.run(
            ["bash", "-c", f"{here.strip()} --silent"],
            env={**os.environ, "TOKEN": token},
            capture_output=True,
            check=True,
        )
        said.append(json.loads(ran.stdout))
    assert said[0] == {"report_id": "i1-d1-accepted"}
    assert [(listed["dispatch_id"], listed["steps"]) for listed in said[1]["dispatches"]] == [("i1-d1", ["ACCEPTED"])]


@pytest.mark.slow
@pytest.mark.usefixtures("example")
def test_the_example_accepts_and_confirms_a_cancel(house: House) -> None:
    assert len((ROOT / "examples" / "partner_http.py").read_text(encoding="utf-8").splitlines()) == 40
    house.dispatch()
    eventually(lambda: house.broker.read("dispatch-reports"), "it accepts")
    house.dispatch("CANCEL")
    reports = eventually(lambda: house.broker.read("dispatch-reports")[1:], "it confirms")
    assert [(report["report_id"], report["disposition"]) for report in reports] == [("i1-d1-closed", "CANCELLED")]
