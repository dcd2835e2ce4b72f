"""PostgreSQL stopped and killed amid saves: each answer is true, and each save is made once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from edges.portal.postgres import connect, migrate
from edges.web import tokens
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from service.postgres_settings import PostgresSettings
from tests.edges.portal.serving import Served, serving

pytestmark = [pytest.mark.slow, pytest.mark.server]

SITES: Final = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A server that a test may stop and kill."""
    server = Postgres(tmp_path / "postgres", port=free_port())
    server.start()
    yield server
    server.kill()


class Saver(threading.Thread):
    """Somebody who saves a site again and again, each save until it is taken; nobody else saves that site."""

    def __init__(self, portal: Served, token: str, site_id: str) -> None:
        super().__init__()
        self._url = f"{portal.address}/v1/sites/{site_id}/service"
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


def test_saves_amid_restarts_are_made_once(server: Postgres, tmp_path: Path) -> None:
    database = PostgresSettings(host=HOST, port=server.port or 0, database="ronde")
    with connect(database, "test") as connection:
        migrate(connection)
    with serving(database, tmp_path) as portal:
        token = tokens.add(portal.api.web.tokens_file, "crm", ("portal:*",))
        headers = {"Authorization": f"Bearer {token}"}
        for number in range(SITES):
            body = {"site_id": f"S{number}", "name": "Home", "people": []}
            assert httpx.post(f"{portal.address}/v1/sites", json=body, headers=headers).status_code == 201
        savers = [Saver(portal, token, f"S{number}") for number in range(SITES)]
        for saver in savers:
            saver.start()
        try:
            for end in (server.stop, server.kill):
                time.sleep(1)
                end()
                time.sleep(0.5)
                server.start()
            seen = [saver.revision for saver in savers]
            give_up = time.monotonic() + 60
            while any(saver.revision <= before for saver, before in zip(savers, seen, strict=True)):
                assert time.monotonic() < give_up, "saves go on"
                assert all(saver.is_alive() for saver in savers), [saver.wrong for saver in savers]
                time.sleep(0.1)
        finally:
            for saver in savers:
                saver.ending.set()
            for saver in savers:
                saver.join(60)
    assert [saver.wrong for saver in savers] == [[]] * SITES
    assert sum(saver.away for saver in savers) > 0
    with connect(database, "test") as connection:
        for number, saver in enumerate(savers):
            rows = connection.execute(
                "SELECT after #>> '{}' FROM portal.revisions WHERE site_id = %s AND what = 'instructions' "
                "ORDER BY revision",
                (f"S{number}",),
            ).fetchall()
            assert rows == [(f"text {revision}",) for revision in range(1, saver.revision)]
