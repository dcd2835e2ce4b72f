"""`ronde local`: a real Kafka that starts once, survives a crash, and is never mistaken for another program."""

import gc
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from ronde.local import jars
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port, is_free
from ronde.shared.errors import Failed
from schemas.contract.topics import TOPICS
from tests.conftest import Run


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; what still runs in it at the end is killed."""
    yield tmp_path / "local"
    Kafka(tmp_path / "local" / "kafka").kill()


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def status(run: Run, data: Path) -> dict[str, Any]:
    ran = run("local", "status", "--data", data, "--json")
    assert ran.exit == 0
    facts: dict[str, Any] = json.loads(ran.out)["kafka"]
    return facts


@pytest.mark.server
def test_up_status_down_each_say_what_is_and_change_nothing_twice(run: Run, data: Path) -> None:
    assert status(run, data)["state"] == "stopped"
    assert run("local", "down", "--data", data).out == f"Kafka was not running in {data}\n"

    with ThreadPoolExecutor(2) as shells:  # two people at once: one starts it
        started = list(shells.map(lambda _: Kafka(data / "kafka").start(), range(2)))
    assert sorted(started) == [False, True]
    facts = status(run, data)
    assert facts["state"] == "running"
    assert psutil.Process(facts["pid"]).is_running()
    assert Path(facts["logs"], "server.log").stat().st_size > 0
    assert facts["data_bytes"] > 0
    again = run("local", "up", "--data", data)
    assert again.out == f"Kafka was running: {facts['bootstrap_servers']} (pid {facts['pid']}), in {data}\n"
    assert run("local", "status", "--data", data).out.startswith(f"Kafka is running: {facts['bootstrap_servers']}")

    assert run("local", "down", "--data", data).out == "Kafka stopped\n"
    assert not psutil.pid_exists(facts["pid"])
    assert "shut down" in Path(facts["logs"], "server.log").read_text(encoding="utf-8")
    assert run("local", "down", "--data", data).out == f"Kafka was not running in {data}\n"
    assert status(run, data) | {"data_bytes": 0, "log_bytes": 0} == facts | {
        "state": "stopped",
        "pid": None,
        "data_bytes": 0,
        "log_bytes": 0,
    }


@pytest.mark.server
def test_a_killed_broker_counts_as_stopped_and_comes_back_with_its_data_and_port(run: Run, data: Path) -> None:
    kafka = Kafka(data / "kafka", port=free_port())
    kafka.start()
    address = kafka.bootstrap_servers
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    admin.create_topics([NewTopic("kept", 1)])["kept"].result()
    assert kafka.pid is not None
    os.kill(kafka.pid, 9)
    wait_for(lambda: status(run, data)["state"] == "stopped")

    assert run("local", "up", "--data", data).out.startswith(f"Kafka started: {address}")
    assert "kept" in admin.list_topics(timeout=5).topics

    kafka.pause()
    assert status(run, data)["state"] == "paused"
    assert run("local", "down", "--data", data).out == "Kafka stopped\n"


def test_a_pid_that_is_another_programs_now_is_neither_believed_nor_killed(run: Run, data: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (data / "kafka").mkdir(parents=True)
        record = {"pid": other.pid, "started": psutil.Process(other.pid).create_time() - 3600}
        (data / "kafka" / "process.json").write_text(json.dumps(record), encoding="utf-8")
        assert status(run, data)["state"] == "stopped"
        assert run("local", "down", "--data", data).out == f"Kafka was not running in {data}\n"
        Kafka(data / "kafka").kill()
        time.sleep(0.1)
        assert other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0


def test_a_file_in_place_of_the_folder_is_named(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "file"
    data.write_text("", encoding="utf-8")
    for command in ("up", "status", "down"):
        ran = run("local", command, "--data", data)
        assert (ran.exit, ran.out) == (1, "")
        assert f"{data}/kafka" in ran.err
        assert "Free or correct it, or name another --data" in ran.err


def test_where_no_folder_can_be_made_play_and_demo_say_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".ronde").write_text("", encoding="utf-8")
    for command in (("play",), ("demo",), ("demo", "--kafka", f"{HOST}:1")):
        ran = run(*command)
        assert ran.exit == 1
        assert ran.err.startswith("ronde: .ronde/")
        assert "Start this in a folder that you may write in" in ran.err


@pytest.mark.parametrize("text", ["", '{"clients": 90', "[]", "\0\udcff"])
def test_ports_that_a_full_disk_cut_short_are_chosen_anew(run: Run, data: Path, text: str) -> None:
    file = data / "kafka" / "ports.json"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert status(run, data)["bootstrap_servers"] is None
    kafka = Kafka(data / "kafka")
    with file.open("rb") as before:
        kafka._choose_ports()
        assert before.read().decode(errors="surrogateescape") == text, "another file takes its place, whole"
    assert kafka.port is not None


@pytest.mark.server
def test_a_broker_that_cannot_start_says_why_and_leaves_nothing(data: Path) -> None:
    kafka = Kafka(data / "kafka", extra_properties={"num.io.threads": "none"})
    with pytest.raises(Failed, match=r"num\.io\.threads"):
        kafka.start()
    assert kafka.state == "stopped"


def test_a_port_of_someone_else_is_refused_when_asked_for_and_avoided_when_not(data: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert not is_free(taken)
        assert free_port(taken) != taken
        with pytest.raises(Failed, match=f"port {taken} is taken by another program"):
            Kafka(data / "kafka", port=taken).start()


@pytest.mark.skipif(sys.platform != "linux", reason="a port is kept only where sockets have names that are no files")
def test_a_port_that_one_process_has_chosen_is_given_to_no_other_before_anybody_listens() -> None:
    mine = free_port()
    asking = f"from ronde.local.ports import free_port; print(free_port({mine}))"

    def another() -> int:
        return int(subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=True).stdout)

    assert free_port(mine) == mine
    assert another() != mine


def test_where_the_usual_port_is_a_strangers_the_next_commands_are_led_to_ours(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as stranger:
        stranger.bind((HOST, 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        monkeypatch.setattr(Kafka, "usual_port", taken)
        told = run("local", "up", "--data", data).out
        file = data / "settings.toml"
        assert f", in {data}\n" in told
        assert f"port {taken}, Kafka's usual one, is taken by another program: without these settings" in told
        assert told.endswith(f"  for ronde --settings {file}\n")
        made = run("topics", "create", "--settings", file)
        assert (made.exit, made.out.count("created ")) == (0, len(TOPICS))
    assert run("local", "down", "--data", data).out == "Kafka stopped\n"
    away = run("topics", "check", "--settings", file)
    assert f"`ronde local up --data {data}`" in away.err


# --- fetching: a repository of one jar, since the real one neither lies nor goes away on demand ----------


JAR = b"not really a jar, but checked like one" * 1000


@contextmanager
def repository(content: bytes, folder: Path) -> Iterator[str]:
    """A Maven repository on this machine that has one artifact, org.example:thing:1.0."""
    path = folder / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer((HOST, 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fetch into an empty cache, with a lock of one jar, from a mirror named as jgo's users name theirs."""

    def prepare(mirror: str) -> None:
        configuration = tmp_path / "jgo.conf"
        configuration.write_text(f"[repositories]\ncentral = {mirror}\n", encoding="utf-8")
        lock = tmp_path / "kafka.lock"
        lock.write_text(
            f"# one\norg.example:thing:1.0 {hashlib.sha256(JAR).hexdigest()} {len(JAR)}\n", encoding="utf-8"
        )
        monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(jars, "LOCK", lock)

    return prepare


def test_a_jar_is_fetched_once_with_progress_and_kept(fetch_from: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with repository(JAR, tmp_path / "repository") as mirror:
        fetch_from(mirror)
        assert [jar.file_name for jar in jars.missing()] == ["thing-1.0.jar"]
        (path,) = jars.fetch(lambda fetched, total: told.append((fetched, total)))
    assert path.read_bytes() == JAR
    assert told == [(0, len(JAR)), (len(JAR), len(JAR))]
    assert jars.fetch() == [path]  # with the repository gone
    assert sorted(file.name for file in jars.folder().iterdir()) == ["fetching.lock", "thing-1.0.jar"]


def test_a_jar_with_other_bytes_than_the_locks_is_refused(fetch_from: Any, tmp_path: Path) -> None:
    with repository(b"something else", tmp_path / "repository") as mirror:
        fetch_from(mirror)
        with pytest.raises(Failed, match=r"thing-1\.0\.jar of Apache Kafka .* its SHA-256 is"):
            jars.fetch()
    assert [jar.file_name for jar in jars.missing()] == ["thing-1.0.jar"]


def test_without_a_network_the_command_says_what_is_missing_and_what_to_do(
    run: Run, fetch_from: Any, data: Path
) -> None:
    fetch_from(f"http://{HOST}:{free_port()}")
    ran = run("local", "up", "--data", data)
    assert ran.exit == 1
    assert "thing-1.0.jar of Apache Kafka 4.3.1 could not be fetched" in ran.err
    assert "Check the network" in ran.err
    assert "Traceback" not in ran.err


def test_a_repository_without_the_jar_is_told(fetch_from: Any, tmp_path: Path) -> None:
    with repository(JAR, tmp_path / "repository") as mirror:
        fetch_from(f"{mirror}/elsewhere")
        with pytest.raises(Failed, match=r"thing-1\.0\.jar .* could not be fetched") as caught:
            jars.fetch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # jgo leaves the answer open
        del caught
        gc.collect()


def test_the_lock_names_every_jar_once_with_the_servers_version() -> None:
    locked = jars.locked()
    assert len({jar.file_name for jar in locked}) == len(locked) > 40
    assert {jar.version for jar in locked if jar.group == "org.apache.kafka"} == {jars.VERSION}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in locked)
