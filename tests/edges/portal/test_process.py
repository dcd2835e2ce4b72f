"""`ronde portal` as it runs: its API, Kafka and a worker behind it, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from edges.settings import Connection
from edges.web import tokens
from service.postgres_settings import PostgresSettings
from tests.conftest import SettingsFile
from tests.edges.portal.checker import check, published
from tests.edges.portal.serving import ANN, HOME, PEOPLE
from tests.machine import stretched
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

Start = Callable[..., RondeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command: ``start("portal", settings)``. All are killed at the end."""
    started: list[RondeProcess] = []

    def run(command: str, settings: Path) -> RondeProcess:
        name = f"{command}-{len(started)}"
        started.append(RondeProcess(name, [command, "--settings", settings], tmp_path / f"{name}.log"))
        started[-1].start()
        return started[-1]

    yield run
    for one in started:
        one.kill()


def address(portal: RondeProcess) -> str:
    return str(eventually(lambda: portal.field("portal listens", "address"), "the portal listens"))


def client(portal: RondeProcess, tokens_file: Path) -> httpx.Client:
    token = tokens.add(tokens_file, f"t{time.time_ns()}", ("portal:*",))
    return httpx.Client(base_url=address(portal), headers={"Authorization": f"Bearer {token}"}, timeout=30)


def put(api: httpx.Client, part: str, body: Any) -> dict[str, Any]:
    revision = api.get("/v1/sites/S1/service").json()["revision"]
    headers = {"If-Match": f'"{revision}"'}
    answer = api.put(f"/v1/sites/S1/service/{part}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.slow
def test_a_site_is_configured_and_the_engine_agrees(
    start: Start,
    portal_file: SettingsFile,
    connection: Connection,
    database: PostgresSettings,
    tmp_path: Path,
) -> None:
    settings = portal_file(portal={"port": 0, "pages_port": 0})
    portal, worker = start("portal", settings), start("worker", settings)
    portal.wait_ready()
    with client(portal, tmp_path / "tokens.json") as api:
        body = {"site_id": "S1", "name": "Home", "people": PEOPLE}
        assert api.post("/v1/sites", json=body).status_code == 201
        put(api, "subscription", {"subscribed": True})
        put(api, "first-contact", ANN)
        revision = put(api, "address", HOME)["revision"]

        def engine() -> dict[str, Any] | None:  # which may yet judge the revision before, after this one is published
            document: dict[str, Any] = api.get("/v1/sites/S1/service").json()
            said, at = document["engine"], document["published_at"]
            if at is None or said is None or said["at"] < at or said["missing"] != document["missing"]:
                return None
            return document

        worker.wait_ready()
        document = eventually(engine, "the engine has judged the last revision")
        assert (document["revision"], document["missing"]) == (revision, [])
        assert document["engine"]["ready"] is True
        [record] = [record for record in published(connection) if record.at and record.key == "S1"][-1:]
        assert record.value is not None
        assert record.value["contacts"][0]["phone"] == "+33639980001"
        assert "corail" not in str(published(connection)).lower()
    began = time.monotonic()
    assert portal.stop() == 0
    assert time.monotonic() - began < stretched(5)
    log = portal.said()
    for secret in ("Corail", "33639980001", "Martin", "Lilas", "$argon2"):
        assert secret not in log
    assert portal.metric("ronde_portal_changes_total") == 0  # it has ended
    with psycopg.connect(host=database.host, port=database.port, dbname=database.database, user=database.user) as rows:
        check(connection, rows)


def test_a_port_that_is_taken_ends_it_with_a_reason(
    start: Start, portal_file: SettingsFile, connection: Connection
) -> None:
    first = start("portal", portal_file(portal={"port": 0, "pages_port": 0}))
    port = int(address(first).rpartition(":")[2])
    second = start("portal", portal_file(portal={"port": port, "pages_port": 0}))
    assert second.wait() == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.said()
    assert "set portal.host and portal.port" in second.said()
