"""`ronde local up --postgres`: a real PostgreSQL that starts once, survives a crash, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ronde.local import postgres_binaries
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.shared.errors import Failed
from tests.conftest import Run


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; what still runs in it at the end is killed."""
    yield tmp_path / "local"
    Kafka(tmp_path / "local" / "kafka").kill()
    Postgres(tmp_path / "local" / "postgres").kill()


@pytest.mark.server
def test_up_with_postgres_starts_both_and_down_stops_both(run: Run, data: Path) -> None:
    assert "postgres" not in json.loads(run("local", "status", "--data", data, "--json").out)
    told = run("local", "up", "--postgres", "--data", data).out
    assert "PostgreSQL started: " in told
    facts: dict[str, Any] = json.loads(run("local", "status", "--data", data, "--json").out)["postgres"]
    assert facts["state"] == "running"
    host, _, port = facts["address"].partition(":")
    assert f"for ronde --settings {data / 'settings.toml'}" in told
    settings = json.loads(run("settings", "--settings", data / "settings.toml", "--json").out)
    assert (settings["postgres.host"]["value"], settings["postgres.port"]["value"]) == (host, int(port))
    assert settings["kafka.bootstrap.servers"]["value"] == Kafka(data / "kafka").bootstrap_servers
    with psycopg.connect(host=host, port=int(port), dbname=facts["database"], user=facts["user"]) as connection:
        assert connection.info.server_version // 10_000 == 18
    assert run("local", "up", "--postgres", "--data", data).out.count("was running: ") == 2
    assert run("local", "down", "--data", data).out == "Kafka stopped\nPostgreSQL stopped\n"
    assert "PostgreSQL is stopped\n" in run("local", "status", "--data", data).out


@pytest.mark.server
def test_a_killed_server_comes_back_with_its_data_and_port(data: Path) -> None:
    server = Postgres(data / "postgres", port=free_port())
    assert server.start()
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    address = server.address
    server.kill()
    assert server.state == "stopped"
    again = Postgres(data / "postgres")
    assert again.start()
    assert again.address == address
    with psycopg.connect(again.conninfo()) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    again.pause()
    while again.state != "paused":
        time.sleep(0.01)
    assert again.stop()


@pytest.mark.server
def test_a_start_waits_for_what_a_killed_server_left(data: Path) -> None:
    server = Postgres(data / "postgres", port=free_port())
    assert server.start()
    left, *_ = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("utf-8").split()
    os.kill(int(left), signal.SIGSTOP)  # it does not notice that its server is gone
    server.kill()
    noticing = threading.Timer(1.0, os.kill, (int(left), signal.SIGCONT))
    noticing.start()
    assert server.start()
    noticing.join()
    assert server.stop()


@pytest.mark.server
def test_a_server_that_cannot_start_says_why_and_leaves_nothing(data: Path) -> None:
    server = Postgres(data / "postgres", extra_properties={"work_mem": "none"})
    with pytest.raises(Failed, match="work_mem"):
        server.start()
    assert server.state == "stopped"


def test_a_port_of_someone_else_is_refused(data: Path) -> None:
    import socket  # noqa: PLC0415 - here alone

    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(Failed, match="is taken by another program"):
            Postgres(data / "postgres", port=other.getsockname()[1]).start()


def test_every_platform_has_its_archive_and_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {platform for platform, version in postgres_binaries.locked() if version == postgres_binaries.VERSION}
    assert versions == set(postgres_binaries.PLATFORMS)
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(Failed, match=r"no local PostgreSQL for Linux on s390x.*\[postgres\]"):
        postgres_binaries.this_platform()


def test_an_archive_that_is_not_the_locked_one_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    locked = postgres_binaries.locked()
    lie = {key: archive._replace(sha256="0" * 64) for key, archive in locked.items()}
    monkeypatch.setattr(postgres_binaries, "locked", lambda: lie)
    with pytest.raises(Failed, match="is not the one that was locked"):
        postgres_binaries.fetch()
    assert [path.name for path in (tmp_path / "ronde").iterdir()] == ["postgres-18.4.0.lock"]
