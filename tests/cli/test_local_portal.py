"""`ronde local up --portal`: the second command shows a home to its owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ronde.local.kafka import Kafka
from ronde.local.ports import free_port
from ronde.local.postgres import Postgres
from tests.conftest import Run
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder in an empty working folder; what still runs in it at the end is killed."""
    monkeypatch.chdir(tmp_path)
    yield Path(".ronde")
    Kafka(tmp_path / ".ronde" / "kafka").kill()
    Postgres(tmp_path / ".ronde" / "postgres").kill()


def test_two_commands_show_a_newcomer_a_home(run: Run, data: Path, tmp_path: Path) -> None:
    said = run("local", "up", "--portal").out
    match = re.search(r"ronde portal --settings (\S+), then (\S+)\n  sign in as (\S+), password (\S+) ", said)
    assert match, said
    settings, url, name, password = match.groups()
    assert url == "http://localhost:6081"
    environment = {"RONDE_PORTAL__PORT": str(free_port()), "RONDE_PORTAL__PAGES_PORT": "0"}
    portal = RondeProcess("portal", ["portal", "--settings", Path(settings).absolute()], tmp_path / "portal.log")
    portal.start(environment)
    try:
        address = str(eventually(lambda: portal.field("portal listens", "address"), "the portal listens"))
        with httpx.Client(base_url=address, headers={"Origin": address, "Accept": "text/html"}) as browser:
            answer = browser.post("/v1/session", json={"name": name, "password": password})
            assert answer.status_code == 200, answer.text
            assert "My home" in browser.get("/").text
            page = browser.get("/sites/HOME/configuration").text
            assert "A first contact is missing." in page
            assert 'href="/sites/HOME/first-contact"' in page
            # It also reaches Kafka: the topics are there.
            eventually(lambda: browser.get("/v1/sites/HOME/service").json()["published_at"], "it is passed on")
        # Again: nothing is made twice, and the account keeps its password.
        again = run("local", "up", "--portal").out
        assert "password (" not in again
        assert f"ronde users password {name}" in again
    finally:
        portal.kill()
    assert run("local", "up", "--portal", "--json").exit == 2
