"""Two portals, killed and put to sleep amid saves: what was answered is kept once, and `sites` ends as the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP
from typing import Any, Final

import httpx
import psycopg
import pytest

from edges.portal.outbox import backlog
from edges.settings import Connection
from edges.web import tokens
from tests.conftest import SettingsFile
from tests.edges.portal.checker import check
from tests.edges.portal.test_process import address
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.slow

SITES: Final = ("S0", "S1", "S2")


class Editor(threading.Thread):
    """Somebody who saves again and again, by whichever portal answers; each save until it is taken or outdated."""

    def __init__(self, portals: list[RondeProcess], token: str, name: str, seed: int) -> None:
        super().__init__(name=name)
        self._portals, self._random = portals, Random(f"{name}{seed}")
        # Made once: to load certificates, which nobody needs here, costs more than a save.
        self._http = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=4, verify=False)
        self.ending = threading.Event()
        self.kept: dict[str, tuple[str, int]] = {}  # each text that was answered 200, its site and revision
        self.retried = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with self._http:
                for number in range(1_000_000):
                    if self.ending.wait(0.03):
                        return
                    self._save(self._random.choice(SITES), f"{self.name} {number}")
        except Exception as error:  # noqa: BLE001 - the test raises it
            self.failure = error

    def _save(self, site_id: str, text: str) -> None:
        path = f"/v1/sites/{site_id}/service"
        revision = self._ask("GET", path).json()["revision"]
        headers = {"If-Match": f'"{revision}"'}
        answer = self._ask("PUT", f"{path}/instructions", headers=headers, json={"instructions": text})
        if answer.status_code == 200:
            assert answer.json()["instructions"] == text
            self.kept[text] = (site_id, answer.json()["revision"])
        else:
            assert answer.status_code == 412, answer.text  # another editor was first

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer of any portal; the same request again until there is one."""
        while True:
            where = self._random.choice(self._portals).field("portal listens", "address")
            try:
                answer = self._http.request(method, f"{where}{path}", **request)
            except (httpx.HTTPError, httpx.InvalidURL):
                answer = None
            if answer is not None and answer.status_code != 503:
                return answer
            self.retried += 1
            time.sleep(0.05)


@pytest.fixture
def portals(connection: Connection, portal_file: SettingsFile, tmp_path: Path) -> Iterator[list[RondeProcess]]:
    """Two portals, once `connection` has made the topics."""
    made = []
    for name in "ab":
        settings = portal_file(portal={"id": name, "port": 0, "pages_port": 0})
        made.append(RondeProcess(name, ["portal", "--settings", settings], tmp_path / f"{name}.log"))
        made[-1].start()
    yield made
    for portal in made:
        portal.kill()


def disturb(portals: list[RondeProcess], random: Random, seconds: float, is_enough: Callable[[], bool]) -> None:
    """Kill portals and put them to sleep, one at a time, for so long and until enough was saved meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end or not is_enough():
        assert time.monotonic() < end + PATIENCE, "saves go on"
        portal = random.choice(portals)
        time.sleep(random.uniform(0.1, 1.0))
        if random.random() < 0.7:
            portal.kill()
            portal.start()
            address(portal)
        else:
            portal.send(SIGSTOP)
            time.sleep(random.uniform(0.5, 5.0))  # also for longer than the lease
            portal.send(SIGCONT)


def test_portals_die_and_sleep_amid_saves(
    seed: int,
    is_soak: bool,
    portals: list[RondeProcess],
    connection: Connection,
    rows: psycopg.Connection[Any],
    tmp_path: Path,
) -> None:
    token = tokens.add(tmp_path / "tokens.json", "editors", ("portal:*",))
    for portal in portals:
        portal.wait_ready()  # no site is made before it has read what the engine says
    for site_id in SITES:
        body: dict[str, Any] = {"site_id": site_id, "name": "Home", "people": []}
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.post(f"{address(portals[0])}/v1/sites", json=body, headers=headers).status_code == 201
    editors = [Editor(portals, token, name, seed) for name in ("x", "y", "z")]
    for editor in editors:
        editor.start()
    try:
        disturb(portals, Random(seed), 180 if is_soak else 12, lambda: sum(len(editor.kept) for editor in editors) > 20)
    finally:
        for editor in editors:
            editor.ending.set()
        for editor in editors:
            editor.join(60)
    assert [editor.failure for editor in editors] == [None] * len(editors)
    eventually(lambda: backlog(rows)[0] == 0, "all is passed on")
    check(connection, rows)
    history = rows.execute("SELECT after #>> '{}', site_id, revision FROM portal.revisions WHERE what = 'instructions'")
    lines = history.fetchall()
    made = {text: (site_id, revision) for text, site_id, revision in lines}
    assert len(made) == len(lines), "a save was made twice"
    kept = {text: place for editor in editors for text, place in editor.kept.items()}
    assert len(kept) > 20
    assert kept.items() <= made.items(), "what was answered is not what is kept"
    assert sum(editor.retried for editor in editors) > 0
