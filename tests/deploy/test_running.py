"""What the chart starts, started: its commands with its environment, on a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest

from ronde.local.kafka import Kafka
from ronde.local.ports import free_port
from schemas.contract.topics import TOPICS
from tests.deploy.chart import SETS, Object, objects, pod, text, write
from tests.machine import stretched

RONDE: Final = Path(sys.executable).parent / "ronde"
READY_SECONDS: Final = 60.0


@pytest.fixture
def rendered(kafka: Kafka, prefix: str, tmp_path: Path) -> list[Object]:
    """The chart for this test's broker and prefix."""
    values = {
        "kafka": {"bootstrapServers": kafka.bootstrap_servers},
        "settings": {"prefix": prefix, "topics": {"partitions": 3}, "worker": {"group": f"{prefix}workers"}},
        "pages": {"host": "127.0.0.1"},
        "receiver": {"enabled": True},
    }
    return objects(text(SETS["one-zone"], write(tmp_path, values)))


def start(container: Object, **over: str) -> subprocess.Popen[str]:
    """The container's command, as the image starts it. What comes from elsewhere is given by keyword."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
    for entry in container["env"]:
        if entry["name"] not in over:
            environ[entry["name"]] = entry["value"]
    environ |= over
    return subprocess.Popen(
        [RONDE, *container["args"]], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ran(container: Object, **over: str) -> tuple[int, str]:
    with start(container, **over) as process:
        out, _ = process.communicate(timeout=READY_SECONDS)
        return process.returncode, out


def test_the_job_makes_the_topics_and_a_worker_starts_on_them_and_goes_in_time(
    rendered: list[Object], tmp_path: Path
) -> None:
    topics, worker = pod(rendered, "topics"), pod(rendered, "worker")
    for made in (len(TOPICS), 0):  # a second time, as before an upgrade
        status, said = ran(topics.container("create"))
        assert (status, said.count("created")) == (0, made), said
        assert ran(topics.container("check"))[0] == 0
    assert ran(pod(rendered, "test").container("topics"))[0] == 0

    port = free_port()
    given = {"ID": "ronde-worker-0", "PORT": str(port), "DATA_DIR": str(tmp_path / "data")}
    container = worker.container("worker")
    with start(container, **{f"RONDE_WORKER__{name}": value for name, value in given.items()}) as process:
        try:
            wait_ready(process, f"http://127.0.0.1:{port}{container['readinessProbe']['httpGet']['path']}")
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=worker.spec["terminationGracePeriodSeconds"])
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert time.monotonic() - begun < stretched(6)
    assert '"worker": "ronde-worker-0"' in said


def test_two_receivers_listen_and_go_in_time(rendered: list[Object], tmp_path: Path) -> None:
    assert ran(pod(rendered, "topics").container("create"))[0] == 0
    receiver = pod(rendered, "receiver")
    container, grace = receiver.container("receiver"), receiver.spec["terminationGracePeriodSeconds"]
    running: list[tuple[subprocess.Popen[str], str]] = []
    try:
        for name in ("ronde-receiver-0", "ronde-receiver-1"):
            port = free_port()
            given = {"ID": name, "PAGES_PORT": str(port), "TCP_PORT": "0", "HTTP_PORT": "0", "DATA_DIR": str(tmp_path)}
            process = start(container, **{f"RONDE_RECEIVER__{key}": value for key, value in given.items()})
            running.append((process, f"http://127.0.0.1:{port}"))
        for process, pages in running:
            wait_ready(process, f"{pages}{container['readinessProbe']['httpGet']['path']}")
            wait_ready(process, f"{pages}/ready")
        begun = time.monotonic()
        for process, _ in running:
            process.send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=grace)[0] for process, _ in running]
    finally:
        for process, _ in running:
            process.kill()
    assert [process.returncode for process, _ in running] == [0, 0], said
    assert time.monotonic() - begun < stretched(6)
    assert all("receiver listens" in lines for lines in said)


def test_the_check_fails_where_topics_are_missing(rendered: list[Object]) -> None:
    status, said = ran(pod(rendered, "topics").container("check"))
    assert status == 1
    assert "is missing" in said


def wait_ready(process: subprocess.Popen[str], address: str) -> None:
    give_up = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        if answers(address):
            return
        time.sleep(0.1)
    raise AssertionError(f"{address} was not ready in {READY_SECONDS:.0f} s")


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            status: Any = answer.status
            return bool(status == 200)
    except OSError:
        return False
