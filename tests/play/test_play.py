"""`ronde play` as a person uses it: a button of the panel, the call at the desk, the word, the answer; then Ctrl-C."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from edges.web.values import write_instant
from ronde.play.homes import HOMES, PASSWORD
from tests.play.running import playing
from tests.support.waiting import eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_the_first_incident_by_hand(tmp_path: Path) -> None:
    with playing(tmp_path) as place:
        assert PASSWORD in place.said
        assert HOMES[0].people[0].word in place.said
        assert "<form" in httpx.get(f"{place.portal}/sign-in").text
        _take_one_call(place.panels, place.desk)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert said.partition("leaves nothing.")[2].split() == ["ended;", "nothing", "is", "left"]


def _take_one_call(panels: str, desk: str) -> None:
    home = HOMES[0]
    person = home.people[0]
    sent = httpx.post(f"{panels}/send", data={"site": home.site_id, "button": "door"}, timeout=30)
    assert sent.status_code == 303
    assert "ACK in" in httpx.get(panels).text
    with httpx.Client(base_url=desk, headers={"origin": desk}, timeout=30) as ann:
        assert ann.post("/v1/session", json={"name": "ann", "password": PASSWORD}).status_code == 200

        def call() -> dict[str, Any] | None:
            items: list[dict[str, Any]] = ann.get("/v1/work").json()
            return next((item for item in items if item["site_id"] == home.site_id), None)

        item = eventually(call, "the call is in the list")
        subject = item["subject"]
        assert (item["contact_name"], item["of"]) == (f"{person.first_name} {person.last_name}", len(home.people))
        assert ann.post(f"/v1/work/{subject}/take").status_code == 200
        assert ann.post(f"/v1/calls/{subject}/word", json={"word": person.word}).json()["right"] is True
        said = {"outcome": "IDENTIFIED", "situation": "ABNORMAL", "at": write_instant(time.time_ns() // 1_000_000)}
        assert ann.put(f"/v1/calls/{subject}/result", json=said).status_code == 202
        eventually(lambda: call() is None, "the list is empty")
        assert ann.get(f"/v1/sites/{home.site_id}/history").json()["source"] == "LEDGER"
    guard = re.compile(r'href="(http://localhost:\d+/guard)#[^"]+"')
    link = eventually(lambda: guard.search(httpx.get(panels).text), "the link of a guard's page")
    assert httpx.get(link[1]).status_code == 200
