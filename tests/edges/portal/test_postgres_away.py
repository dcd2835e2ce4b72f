"""PostgreSQL stopped and killed amid saves: each answer is true, and each save is made once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

from edges.portal.outbox import backlog
from edges.web import tokens
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.shared.whole_settings import WholeSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile
from tests.edges.portal.checker import check
from tests.edges.portal.test_process import address
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.server]

SITES: Final = ("S0", "S1", "S2", "S3")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A server that a test may stop and kill."""
    server = Postgres(tmp_path / "postgres", port=free_port())
    server.start()
    yield server
    server.kill()


class Saver(threading.Thread):
    """Somebody who saves a site again and again, each save until it is taken; nobody else saves that site."""

    def __init__(self, where: str, token: str, site_id: str) -> None:
        super().__init__()
        self._url = f"{where}/v1/sites/{site_id}/service"
        self._headers = {"Authorization": f"Bearer {token}"}
        self.ending = threading.Event()
        self.revision = 1
        self.away = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=30) as client:
            while not self.ending.is_set() and not self.wrong:
                self._save(client, f"text {self.revision}")

    def _save(self, client: httpx.Client, text: str) -> None:
        while not self.wrong:
            header = {"If-Match": f'"{self.revision}"'}
            began = time.monotonic()
            answer = client.put(f"{self._url}/instructions", json={"instructions": text}, headers=header)
            if answer.status_code == 200:
                document: dict[str, Any] = answer.json()
                if (document["revision"], document["instructions"]) != (self.revision + 1, text):
                    self.wrong.append(answer.text)
                self.revision += 1
                return
            is_away = answer.status_code == 503 and answer.json()["code"] == "UNCONFIRMED"
            if not is_away or time.monotonic() - began > 20:
                self.wrong.append(f"{answer.status_code} {answer.text}")
            self.away += 1
            time.sleep(0.05)


def test_saves_amid_restarts_are_made_once_and_passed_on(
    server: Postgres, portal_file: SettingsFile, tmp_path: Path
) -> None:
    where = {"host": HOST, "port": server.port or 0, "database": "ronde", "user": "ronde"}
    settings = load(path := portal_file(postgres=where, portal={"port": 0, "pages_port": 0}), {}, WholeSettings)
    create(settings)
    portal = RondeProcess("portal", ["portal", "--settings", path], tmp_path / "portal.log")
    portal.start()
    try:
        portal.wait_ready()
        savers = save_amid_restarts(portal, server, tmp_path / "tokens.json")
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            eventually(lambda: backlog(connection)[0] == 0, "all is passed on")
            check(settings.for_edge("portal", "test", tmp_path / "edge"), connection)
            for site_id, saver in savers.items():
                rows = connection.execute(
                    "SELECT after #>> '{}' FROM portal.revisions WHERE site_id = %s AND what = 'instructions' "
                    "ORDER BY revision",
                    (site_id,),
                ).fetchall()
                assert rows == [(f"text {revision}",) for revision in range(1, saver.revision)]
        eventually(portal.is_ready, "it is ready again")
        assert portal.lives == 1
    finally:
        portal.kill()


def wait_until_all_go_on(savers: list[Saver]) -> None:
    seen = [saver.revision for saver in savers]
    eventually(lambda: all(saver.revision > before for saver, before in zip(savers, seen, strict=True)), "they go on")


def save_amid_restarts(portal: RondeProcess, server: Postgres, tokens_file: Path) -> dict[str, Saver]:
    """Save sites while the server is stopped and killed, until saves go on; by their ids, who saved them."""
    token = tokens.add(tokens_file, "crm", ("portal:*",))
    where = address(portal)
    savers: dict[str, Saver] = {}
    for site_id in SITES:
        body: dict[str, Any] = {"site_id": site_id, "name": "Home", "people": []}
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(f"{where}/v1/sites", json=body, headers=headers, timeout=30).status_code == 201
        savers[site_id] = Saver(where, token, site_id)
    for saver in savers.values():
        saver.start()
    try:
        for end in (server.stop, server.kill):
            time.sleep(1)
            end()
            eventually(lambda: all(saver.away for saver in savers.values()), "each save meets it")
            server.start()
            wait_until_all_go_on(list(savers.values()))
    finally:
        for saver in savers.values():
            saver.ending.set()
        for saver in savers.values():
            saver.join(60)
    assert [saver.wrong for saver in savers.values()] == [[]] * len(SITES)
    return savers
