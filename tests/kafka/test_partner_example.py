"""The example of a partner (examples/partner.py) on a real broker: killed, restarted, told twice.

It knows nothing of this project but the schema files, so it runs as a process of its own, as a partner would.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import fastavro
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

import schemas
from schemas.avro.framing import confluent, single_object
from schemas.avro.records import decode, encode
from tests.kafka.conftest import WorkerFile
from tests.kafka.world import World, now_ms, worker
from tests.support.waiting import PATIENCE, eventually

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "partner.py"
SCHEMAS: Final = Path(schemas.__file__).parent
STEPS: Final = ["ACCEPTED", "EN_ROUTE", "ON_SITE", "CLOSED"]
NOTE: Final = {"name": "note", "type": ["null", "string"], "doc": "What else there is.", "default": None}

# Run the example, and kill it (-9) at the first moment of a kind.
KILLED: Final = """
import os, runpy, signal, sys
import confluent_kafka

point = sys.argv.pop(1)

def die(at):
    if at == point:
        os.kill(os.getpid(), signal.SIGKILL)

class Consumer(confluent_kafka.Consumer):
    def poll(self, *args):
        message = super().poll(*args)
        if message is not None:
            die("a command was read")
        return message

    def store_offsets(self, *args):
        die("a command was taken")
        return super().store_offsets(*args)

class Producer(confluent_kafka.Producer):
    def flush(self, *args):
        left = super().flush(*args)
        die("a report was sent")
        return left

confluent_kafka.Consumer, confluent_kafka.Producer = Consumer, Producer
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Partners:
    """Processes of the example, one after the other, with one book."""

    def __init__(self, world: World, folder: Path) -> None:
        self._settings = world.settings
        self._folder = folder
        self.schemas = SCHEMAS
        self.pace = 0.05  # seconds

    def start(self, point: str | None = None) -> subprocess.Popen[bytes]:
        """One process; with ``point``, one that is killed there."""
        options = {
            "--kafka": self._settings.client("consumer")["bootstrap.servers"],
            "--prefix": self._settings.prefix,
            "--partner-id": "guards",
            "--schemas": self.schemas,
            "--book": self._folder / "book.sqlite",
            "--pace": self.pace,
            "--property": "client.id=guards",
        }
        begin = [EXAMPLE] if point is None else ["-c", KILLED, point, EXAMPLE]
        words = [sys.executable, *begin, *(word for pair in options.items() for word in pair)]
        with (self._folder / "partner.log").open("ab") as log:
            return subprocess.Popen([str(word) for word in words], stdout=log, stderr=log)

    def run_until_killed_at(self, point: str) -> None:
        """One process runs until it is killed there."""
        process = self.start(point)
        try:
            assert process.wait(PATIENCE) == -signal.SIGKILL, self.log
        finally:
            process.kill()

    @contextmanager
    def running(self) -> Iterator[None]:
        """One process runs the while; told to stop, it does so well."""
        process = self.start()
        try:
            yield
            assert process.poll() is None, self.log
            process.terminate()
            assert process.wait(PATIENCE) == 0, self.log
        finally:
            process.kill()

    @property
    def log(self) -> str:
        return (self._folder / "partner.log").read_text("utf-8")


@pytest.fixture
def partners(world: World, tmp_path: Path) -> Partners:
    return Partners(world, tmp_path)


def command(site_id: str, action: str = "REQUEST", attempt: int = 1, **fields: Any) -> dict[str, Any]:
    """A command to the partner ``guards`` that is not late."""
    suffix = f"r{attempt}" if action == "REQUEST" else action.lower()
    return {
        "command_id": f"{site_id}-d1-{suffix}",
        "dispatch_id": f"{site_id}-d1",
        "action": action,
        "attempt": attempt,
        "incident_id": f"{site_id}-incident",
        "site_id": site_id,
        "partner_id": "guards",
        "procedure": "SECURITY",
        "reason": "NOBODY_REACHED",
        "covert": False,
        "alert_kinds": ["INTRUSION"],
        "alert_count": 1,
        "issued_at": now_ms(),
        "respond_by": now_ms() + 120_000 if action == "REQUEST" else None,
        "cause": "NOBODY_REACHED",
        **fields,
    }


def tell(world: World, *commands: dict[str, Any]) -> None:
    for one in commands:
        world.put("dispatches", encode("DispatchCommand", one), one["site_id"])


class Reports:
    """What partners said: the input topic, as nobody but the engine reads it."""

    def __init__(self, world: World) -> None:
        self._consumer = Consumer({**world.settings.client("consumer"), "group.id": "test", "fetch.wait.max.ms": 20})
        name, count = world.settings.topic("dispatch-reports"), world.settings.topics.partitions
        self._consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in range(count)])
        self._seen: list[dict[str, Any]] = []

    def of(self, site_id: str) -> list[dict[str, Any]]:
        """Every report on a site that was seen, repeated ones too, in order."""
        for message in self._consumer.consume(1000, 0.1):
            assert message.error() is None
            key, value = message.key(), message.value()
            assert value is not None
            report = decode("DispatchReport", value)
            assert key == report["site_id"].encode()
            self._seen.append(report)
        return [report for report in self._seen if report["site_id"] == site_id]

    def wait_for(self, site_id: str, status: str) -> None:
        """Wait until this was said of a site."""
        eventually(lambda: status in {one["status"] for one in self.of(site_id)}, f"{status} of {site_id}")

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def reports(world: World) -> Iterator[Reports]:
    reports = Reports(world)
    yield reports
    reports.close()


def told_once(said: list[dict[str, Any]]) -> list[str]:
    """The steps in order; a step said twice was the same, under the same id."""
    by_id: dict[str, dict[str, Any]] = {}
    for report in said:
        assert by_id.setdefault(report["report_id"], report) == report
    steps = [report["status"] for report in by_id.values()]
    assert len(set(steps)) == len(steps), f"a step has two ids: {by_id}"
    return steps


@pytest.mark.parametrize("point", ["a command was read", "a command was taken", "a report was sent"])
def test_killed_anywhere_and_restarted_it_tells_each_step_once(
    world: World, partners: Partners, reports: Reports, point: str
) -> None:
    tell(world, command("s1"), command("s2"))
    partners.run_until_killed_at(point)
    before = [step for site_id in ("s1", "s2") for step in told_once(reports.of(site_id))]
    assert before == (["ACCEPTED"] if point == "a report was sent" else [])
    with partners.running():
        reports.wait_for("s1", "CLOSED")
        reports.wait_for("s2", "CLOSED")
    for site_id in ("s1", "s2"):
        assert told_once(reports.of(site_id)) == STEPS
    total = len(reports.of("s1")) + len(reports.of("s2"))
    assert total == 2 * len(STEPS) + len(before), "only the report that was sent and not noted is said again"


def test_a_command_that_comes_again_sends_no_second_guard(world: World, partners: Partners, reports: Reports) -> None:
    first = command("s1")
    tell(world, first, first, command("s1", attempt=2), command("s1", "AMEND", covert=True))
    with partners.running():
        reports.wait_for("s1", "CLOSED")
        tell(world, first, command("s2"))
        reports.wait_for("s2", "CLOSED")
    assert [report["status"] for report in reports.of("s1")] == STEPS
    assert "s1-d1-r1 came again" in partners.log
    assert "s1-d1-r2: the guard is on the way already" in partners.log
    assert "s1-d1-amend: tell the guard, covertly" in partners.log


def test_what_it_is_not_asked_or_asked_too_late_it_leaves(world: World, partners: Partners, reports: Reports) -> None:
    aborted = Producer({**world.settings.client("producer"), "transactional.id": f"{world.settings.prefix}x"})
    aborted.init_transactions()
    aborted.begin_transaction()
    aborted.produce(world.settings.topic("dispatches"), encode("DispatchCommand", command("aborted")), "aborted")
    aborted.flush()
    aborted.abort_transaction()
    tell(
        world,
        command("of-another", partner_id="other-guards"),
        command("late", respond_by=now_ms() - 1),
        *(command(world.site_in(number, "last")) for number in range(world.settings.topics.partitions)),
    )
    with partners.running():
        for number in range(world.settings.topics.partitions):
            reports.wait_for(world.site_in(number, "last"), "CLOSED")
        assert [reports.of(site_id) for site_id in ("aborted", "of-another", "late")] == [[], [], []]
        tell(world, command("late", attempt=2))
        reports.wait_for("late", "CLOSED")
    assert "late-d1-r1 was read too late" in partners.log


def test_a_cancel_turns_the_guard_back_and_is_confirmed(world: World, partners: Partners, reports: Reports) -> None:
    partners.pace = 2  # slower than it reads what follows the request
    tell(world, command("accepted"), command("accepted", "CANCEL"), command("unknown", "CANCEL"))
    with partners.running():
        reports.wait_for("accepted", "CLOSED")
        reports.wait_for("unknown", "CLOSED")
    (confirmed,) = reports.of("unknown")
    *before, last = reports.of("accepted")
    assert (confirmed["disposition"], last["disposition"]) == ("CANCELLED", "CANCELLED")
    assert "ON_SITE" not in {report["status"] for report in before}


def test_with_the_engine_an_incident_goes_from_request_to_close(
    world: World, partners: Partners, reports: Reports, worker_file: WorkerFile
) -> None:
    """An operator asks for a guard; the partner dies behind its first report, and comes back."""
    world.site("s1")
    action = {"action_id": "a1", "site_id": "s1", "action": "DISPATCH", "reason": "seen on camera", "operator": "o"}
    with worker(worker_file("w1")) as running:
        running.wait_ready()
        world.put("operator-actions", encode("OperatorAction", {**action, "taken_at": now_ms()}), "s1")
        partners.run_until_killed_at("a report was sent")
        with partners.running():
            closed = world.wait_for("s1", "decisions", rule="INTERVENTION_CLOSED")
            assert closed["disposition"] == "NOTHING_FOUND"
            eventually(lambda: "DUPLICATE_INPUT" in world.rules("s1"), "the report that is said again")
    told = [rule for rule in world.rules("s1") if rule != "DUPLICATE_INPUT"]
    assert told == ["OPERATOR_DISPATCH", *["PARTNER_PROGRESS"] * 3, "INTERVENTION_CLOSED"]
    assert told_once(reports.of("s1")) == STEPS


# --- versions -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("partner_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def newer() -> dict[str, Any]:
    """The schema of commands as a next version may have it: one field more, and one verb."""
    schema = schemas.load("DispatchCommand")
    schema["fields"].append(NOTE)
    verb = next(field for field in schema["fields"] if field["name"] == "action")["type"]
    verb["symbols"].insert(0, "RENEW")
    return schema


def written(schema: dict[str, Any], header: bytes, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value, strict_allow_default=True)
    return header + out.getvalue()


def test_it_reads_a_version_that_it_has_the_file_of(example: ModuleType, tmp_path: Path) -> None:
    """And what it does not know of it is left out, or is UNKNOWN: ask a human."""
    data = written(newer(), single_object(newer()), {**command("s1"), "action": "RENEW", "note": "n"})
    with pytest.raises(LookupError, match="no schema has the header c301"):
        example.Wire(SCHEMAS, None).command(data)
    shutil.copytree(SCHEMAS, tmp_path / "schemas", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (tmp_path / "schemas" / "released" / "DispatchCommand" / "2.avsc").write_text(json.dumps(newer()), "utf-8")
    read = example.Wire(tmp_path / "schemas", None).command(data)
    assert (read["command_id"], read["action"], "note" in read) == ("s1-d1-r1", "UNKNOWN", False)
    assert read["respond_by"] > datetime.now(UTC)


def test_without_the_file_it_stops_and_loses_nothing(
    world: World, partners: Partners, reports: Reports, tmp_path: Path
) -> None:
    world.put("dispatches", written(newer(), single_object(newer()), command("s1")), "s1")
    process = partners.start()
    assert process.wait(PATIENCE) == 1
    assert "LookupError: no schema has the header c301" in partners.log
    partners.schemas = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, partners.schemas, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (partners.schemas / "released" / "DispatchCommand" / "2.avsc").write_text(json.dumps(newer()), "utf-8")
    with partners.running():
        reports.wait_for("s1", "CLOSED")
    assert told_once(reports.of("s1")) == STEPS


def test_a_registry_is_asked_for_the_schema_of_an_id_once(example: ModuleType) -> None:
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({"schema": json.dumps(newer())}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    data = written(newer(), confluent(7), command("s1"))
    with pytest.raises(LookupError):
        example.Wire(SCHEMAS, None).command(data)
    with HTTPServer(("127.0.0.1", 0), Answer) as registry:
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        wire = example.Wire(SCHEMAS, f"http://127.0.0.1:{registry.server_port}")
        assert [wire.command(data)["action"] for _ in range(3)] == ["REQUEST"] * 3
        registry.shutdown()
    assert asked == ["/schemas/ids/7"]


def test_it_needs_nothing_of_this_project(tmp_path: Path) -> None:
    """It starts in another place, where only the schema files are."""
    shutil.copy(EXAMPLE, tmp_path)
    lonely = subprocess.run(
        [sys.executable, "-I", "-c", "import runpy, sys; sys.argv[1:] = ['--help']; runpy.run_path('partner.py')"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert lonely.returncode == 0, lonely.stderr
    imports = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in imports if line.split()[1].split(".")[0] in {"ronde", "streams", "schemas", "sinks"}]
