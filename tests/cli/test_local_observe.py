"""`ronde local up --observe`: a Prometheus that looks on where one is installed, and a word where none is."""

from __future__ import annotations

import json
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from ronde.local import prometheus
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from ronde.local.prometheus import Prometheus
from ronde.shared.errors import Failed
from tests.conftest import Run
from tests.deploy.chart import PAGED
from tests.deploy.tools import ROOT, tool

pytestmark = pytest.mark.server

OPERATIONS = ROOT / "docs" / "operations.md"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; what still runs in it at the end is killed."""
    yield tmp_path / "local"
    Kafka(tmp_path / "local" / "kafka").kill()
    Prometheus(tmp_path / "local" / "prometheus").kill()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Prometheus of the tests is the one that is installed."""
    folder = tool("prometheus").parent
    found = shutil.which("prometheus", path=str(folder))
    monkeypatch.setattr(prometheus, "program", lambda: found)


def ask(url: str, page: str, **parameters: str) -> Any:
    with urllib.request.urlopen(f"{url}/api/v1/{page}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
        return json.load(answer)["data"]


def without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its start is shown elsewhere, and takes its time."""
    monkeypatch.setattr(Kafka, "start", lambda *_: False)
    monkeypatch.setattr(Kafka, "bootstrap_servers", f"{HOST}:9092")


def wait_for(what: Callable[[], Any], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.usefixtures("installed")
def test_up_starts_it_status_shows_it_and_down_stops_it(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_kafka(monkeypatch)
    monkeypatch.setattr(Prometheus, "usual_port", free_port())
    told = run("local", "up", "--observe", "--data", data)
    assert told.exit == 0
    assert "Prometheus started: http://127.0.0.1:" in told.out
    facts = json.loads(run("local", "status", "--data", data, "--json").out)["prometheus"]
    assert facts["state"] == "running"
    rules = [rule["name"] for group in ask(facts["url"], "rules")["groups"] for rule in group["rules"]]
    assert "RondeNoWorker" in rules
    scraped = ask(facts["url"], "status/config")["yaml"]
    assert all(target in scraped for target in prometheus.TARGETS)
    assert "Prometheus was running: " in run("local", "up", "--observe", "--data", data).out
    assert f"Prometheus is running: {facts['url']}" in run("local", "status", "--data", data).out
    assert run("local", "down", "--data", data).out == f"Kafka was not running in {data}\nPrometheus stopped\n"
    assert "Prometheus is stopped\n" in run("local", "status", "--data", data).out


def test_its_targets_are_the_pages_of_all_processes() -> None:
    documented = re.findall(r"^\| \w+, `ronde .* \| `:(\d+)` \|", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(port) for port in documented] == list(PAGED.values())
    assert [f"{HOST}:{port}" for port in documented] == list(prometheus.TARGETS)


@pytest.mark.usefixtures("installed")
def test_it_scrapes_its_targets(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "EVERY", "200ms")
    registry = CollectorRegistry()
    Gauge("ronde_ready", "1 when it is.", registry=registry).set(1)
    server, thread = start_http_server(0, HOST, registry)
    observer = Prometheus(data / "prometheus", targets=[f"{HOST}:{server.server_port}"], port=free_port())
    assert observer.start()
    try:
        wait_for(lambda: ask(observer.url, "query", query="ronde_ready == 1")["result"])
    finally:
        observer.stop()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.usefixtures("installed")
def test_one_that_cannot_start_says_why(data: Path) -> None:
    observer = Prometheus(data / "prometheus", targets=["no/address"], port=free_port())
    with pytest.raises(Failed, match="ended while it started"):
        observer.start()
    assert observer.state == "stopped"


def test_what_make_tools_brought_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path("Makefile").resolve().parent / ".tools" / "bin" == prometheus.TOOLS
    monkeypatch.setenv("PATH", "/no/such/folder")
    monkeypatch.setattr(prometheus, "TOOLS", tmp_path)
    assert prometheus.program() is None
    brought = tmp_path / "prometheus"
    brought.touch(mode=0o755)
    assert prometheus.program() == str(brought)


def test_where_none_is_installed_the_rest_is_up_and_it_is_said(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "program", lambda: None)
    without_kafka(monkeypatch)
    told = run("local", "up", "--observe", "--data", data)
    assert told.exit == 0
    assert "Prometheus is not installed, so nobody looks on: install the package `prometheus`" in told.out
    assert "prometheus" not in json.loads(run("local", "status", "--data", data, "--json").out)
