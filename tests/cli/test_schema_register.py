"""`ronde schemas register`: every subject there before anybody writes, each with the compatibility that is promised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.avro.loader import load
from schemas.contract.promises import PROMISES
from schemas.contract.topics import TOPICS
from tests.conftest import Run
from tests.schemas.test_registry import Server

SUBJECTS = {
    f"alarms.{topic.name}-value": topic.schema
    for topic in TOPICS.values()
    if topic.schema is not None and topic.way != "own"
}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def file(server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(
        f'prefix = "alarms."\n[registry]\nurl = "{server.url}"\n[worker]\ndata_dir = "{tmp_path}"\n', encoding="utf-8"
    )
    return path


def test_every_subject_has_its_schema_and_what_is_promised(run: Run, server: Server, file: Path) -> None:
    ran = run("schemas", "register", "--settings", file)
    assert ran.exit == 0
    assert len(SUBJECTS) == 15
    assert server.compatibility == {subject: PROMISES[schema] for subject, schema in SUBJECTS.items()}
    for subject, schema in SUBJECTS.items():
        assert [json.loads(text) for text in server.subjects[subject]] == [load(schema)]
        assert subject in ran.out
    before = dict(server.schemas)
    again = run("schemas", "register", "--settings", file, "--json")
    assert {row["subject"]: row["schema"] for row in json.loads(again.out)["registered"]} == SUBJECTS
    assert server.schemas == before, "what is there stays"


def test_what_the_registry_refuses_is_named(run: Run, server: Server, file: Path) -> None:
    server.refuses = True
    ran = run("schemas", "register", "--settings", file)
    assert ran.exit == 1
    assert "15 refused:" in ran.err
    assert "alarms.sites-value (HTTP 409)" in ran.err


def test_one_that_is_away_or_not_set_is_said(run: Run, server: Server, file: Path, tmp_path: Path) -> None:
    server.bad_day = lambda: (403, {})
    ran = run("schemas", "register", "--settings", file)
    assert (ran.exit, "HTTP 403" in ran.err) == (1, True)
    file.write_text("", encoding="utf-8")
    ran = run("schemas", "register", "--settings", file)
    assert (ran.exit, ran.err) == (2, "ronde: registry.url is not set: there is no schema registry to register with\n")


def test_compatibility_that_may_not_be_set_is_named(run: Run, server: Server, file: Path) -> None:
    server.configure = lambda path, body: (403, {"error_code": 40301})  # type: ignore[method-assign]
    ran = run("schemas", "register", "--settings", file)
    assert ran.exit == 1
    assert "did not set alarms.alerts-value to BACKWARD_TRANSITIVE (HTTP 403)" in ran.err
