"""The demonstration on a real broker: it runs, is interrupted, and its telephony is restarted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

import schemas
from ronde.demo import stories, telephony
from ronde.demo.agenda import Record
from ronde.demo.panels import shipped
from ronde.demo.portal import WORDS
from ronde.demo.processes import Child
from ronde.demo.stage import DESK, OUTSIDE, PARTNERS, PORTAL, PROCESSES, SINK, WEBHOOK
from ronde.demo.stories import STORIES
from ronde.demo.watch import read_inputs
from service.words import normal
from tests.machine import stretched

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka
    from streams.settings import Settings

from tests.cli.demo.virtual import ROOT, call, shipped_sites


class TestLive:
    """The command itself, on the broker of this test run."""

    @pytest.fixture
    def process(self, kafka: Kafka, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
        """The demonstration, started in an empty folder, with a setting in the environment."""
        process = subprocess.Popen(
            [sys.executable, "-c", "from ronde.cli import main; main()", "demo", "--kafka", kafka.bootstrap_servers],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RONDE_PREFIX": "not.the.demo."},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)

    def test_every_story_ends_as_told_within_a_minute(
        self, process: subprocess.Popen[str], kafka: Kafka, tmp_path: Path
    ) -> None:
        started = time.monotonic()

        text, _ = process.communicate(timeout=300)

        assert process.returncode == 0, text
        assert time.monotonic() - started < stretched(60)
        for story in STORIES:
            assert f"✓ {story.site_id}  {story.title}" in text
        assert "28 frames = 20 alerts + 2 signals + 2 repeated + 2 refused + 2 link tests\n" in text
        assert "75 inputs = 73 decided + 2 quarantined + 0 dead-lettered" in text
        assert "✓ S01 configured by the portal's API, in 7 revisions" in text
        [records] = re.findall(r"(\d+) site records = \1 readiness records", text)
        assert 30 <= int(records) <= 36  # the portal may pass several revisions on at once
        assert "✓ S01 answered by the desk's API: call 1.1 taken, the word was right, IDENTIFIED\n" in text
        assert "all 13 stories ended as told" in text
        [folder] = (tmp_path / ".ronde" / "demo").iterdir()
        logs = {f"{name}.log" for name in (*PROCESSES, PORTAL, SINK, PARTNERS, DESK, WEBHOOK)}
        assert logs | {"metrics.txt"} <= {path.name for path in folder.iterdir()}
        assert "ronde_inputs_total" in (folder / "metrics.txt").read_text()
        assert "S05 gets CLOSED" in (folder / f"{WEBHOOK}.log").read_text()
        assert "S01 gets" not in (folder / "telephony.log").read_text()
        logged = "".join((folder / f"{name}.log").read_text() for name in (*PROCESSES, PORTAL, PARTNERS, DESK))
        assert not any(form in logged for word in WORDS for form in (word, normal(word)))
        for contact in (contact for site in shipped_sites() for contact in site.contacts):
            assert str(contact.phone) not in logged
            assert str(contact.last_name) not in logged
        assert not any(panel.key.hex() in logged.lower() for panel in shipped().values() if panel.key)
        assert topics_of(kafka, folder.name) == []
        assert not (folder / "postgres" / "data").exists()
        self.check_the_incident_from_the_ledger(text[text.index("from the ledger: ") :], folder.name)

    def check_the_incident_from_the_ledger(self, told: str, run: str) -> None:
        [incident] = set(re.findall(r"^incident ([0-9a-f]{24}), site S06, SECURITY$", told, re.MULTILINE))
        assert f"ronde incident show {incident} --settings .ronde/demo/{run}/settings.toml\n" in told
        for rule in ("OPENED", "WAIT_STARTED", "WAIT_ENDED", "CODE_REPEAT_ASKED", "CONFIRMATION_FAILED"):
            assert rule in told
        assert "INTERVENTION_CLOSED (NOTHING_FOUND)" in told
        assert "not in the ledger" not in told
        for contact in (contact for site in shipped_sites() for contact in site.contacts):
            assert str(contact.phone) not in told
            assert str(contact.last_name) not in told

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_leaves_nothing_running(
        self, process: subprocess.Popen[str], kafka: Kafka, tmp_path: Path, number: signal.Signals
    ) -> None:
        assert process.stdout is not None
        until(process.stdout, "OPENED")
        children = psutil.Process(process.pid).children(recursive=True)
        assert Counter(map(role_of, children)) >= Counter(
            [*PROCESSES, PORTAL, SINK, PARTNERS, DESK, WEBHOOK, "postgres"]
        )

        process.send_signal(number)
        text, _ = process.communicate(timeout=60)

        assert process.returncode == 1
        assert "interrupted" in text
        assert "Traceback" not in text
        assert [child for child in children if child.is_running()] == []
        [folder] = (tmp_path / ".ronde" / "demo").iterdir()
        assert topics_of(kafka, folder.name) == []

    def test_a_process_that_ends_too_early_is_named_with_its_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        until(process.stdout, "OPENED")
        children = psutil.Process(process.pid).children(recursive=True)
        [partner_process] = [child for child in children if "ronde.demo.partner" in child.cmdline()]

        partner_process.kill()
        text, _ = process.communicate(timeout=60)

        assert process.returncode == 1
        assert "the partner ended too early (exit -9)" in text
        assert "partner.log" in text
        assert [child for child in children if child.is_running()] == []


class TestRestart:
    """An outside system that dies says what it owed when it is back, under the same ids."""

    def test_a_killed_telephony_answers_what_it_had_not(self, topics: Settings, tmp_path: Path) -> None:
        script = {
            "S01": [telephony.Reply("IDENTIFIED", contact="quick", after=0.1), telephony.Reply("NO_ANSWER", after=3)]
        }
        (tmp_path / "script.json").write_text(stories.as_json(script), encoding="utf-8")
        placed = int(time.time() * 1000)
        for number, contact in enumerate(["slow", "quick", "slow"], start=1):
            self.ask(topics, call(f"i-c1.{number}", contact_id=contact, issued_at=placed, expires_at=placed + 60_000))

        with closing_process(self.telephony(topics, tmp_path, "first")) as first:
            first.wait_until(lambda: first.said("gets IDENTIFIED"), 20, "did not answer")
            first.kill()
        with closing_process(self.telephony(topics, tmp_path, "second")) as second:
            second.wait_until(lambda: second.tail().count("gets NO_ANSWER") == 2, 20, "did not answer")

        kafka = str(topics.kafka["bootstrap.servers"])
        results = read_inputs(kafka, topics.prefix, "call-results").values()
        assert {result["result_id"]: result["outcome"] for result in results} == {
            "i-c1.1-result": "NO_ANSWER",
            "i-c1.2-result": "IDENTIFIED",
            "i-c1.3-result": "NO_ANSWER",
        }

    def ask(self, settings: Settings, command: Record) -> None:
        producer = Producer({**settings.client("producer"), "partitioner": "murmur2_random"})
        filled = {"contact_name": None, "phone": None, "language": None, "alert_kinds": ["INTRUSION"], **command}
        producer.produce(settings.topic("calls"), key=command["site_id"], value=schemas.encode("CallCommand", filled))
        assert producer.flush(10) == 0

    def telephony(self, settings: Settings, folder: Path, name: str) -> Child:
        kafka = str(settings.kafka["bootstrap.servers"])
        command = [sys.executable, "-m", "ronde.demo.telephony", "--kafka", kafka, "--prefix", settings.prefix]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return Child("telephony", [*command, "--script", str(folder / "script.json")], folder / f"{name}.log", environ)


@contextmanager
def closing_process(child: Child) -> Iterator[Child]:
    """End the child when the test ends, also when it fails."""
    try:
        yield child
    finally:
        child.stop()


def role_of(process: psutil.Process) -> str:
    """Which part of the demonstration a process is."""
    words = " ".join(process.cmdline())
    commands = ("receiver", "worker", "sink", "portal", "partners", "desk")
    roles = {name: f"main() {name}" for name in commands} | {"postgres": "/postgres -D"}
    roles |= {name: f"ronde.demo.{name}" for name in (*OUTSIDE, WEBHOOK)}
    return next((role for role, part in roles.items() if part in words), "of PostgreSQL's own")


def until(lines: IO[str], word: str) -> None:
    """Read on until a line has the word; the test fails when there is none."""
    seen = []
    for line in lines:
        seen.append(line)
        if word in line:
            return
    pytest.fail(f"{word!r} never came:\n{''.join(seen)}")


def topics_of(kafka: Kafka, prefix: str) -> list[str]:
    """What the broker still has of a run."""
    topics = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=10).topics
    return [name for name in topics if name.startswith(prefix)]
