"""The demonstration: every story can end as told, the outside systems keep the contract, the whole of it runs."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from rich.console import Console

import schemas
from ronde.demo import partner, report, screen, stories, telephony
from ronde.demo.agenda import Agenda, Record
from ronde.demo.alarms import Alarms
from ronde.demo.board import Board, InputPosition, differences
from ronde.demo.outside import Unanswered
from ronde.demo.processes import Child
from ronde.demo.stage import Stage, with_ledger
from ronde.demo.stories import BACKGROUND, STORIES, Ending, Story
from ronde.demo.watch import read_inputs
from ronde.shared.whole_settings import WholeSettings
from streams.escalation.procedures import DEFAULTS, Procedures
from streams.escalation.values import Alert, CallResult, DispatchReport, Site, Source
from streams.formats.json_values import reader
from streams.settings import load
from streams.simulation.simulation import Record as Emitted
from streams.simulation.simulation import Simulation
from tests.machine import stretched
from tests.support.times import START

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka
    from streams.settings import Settings

TICK = 50  # ms between two looks of the outside systems
LONGEST = 40_000  # ms a story may take
ROOT = Path(__file__).parents[2]
EVERY = (*STORIES, *BACKGROUND)


def shipped_sites() -> list[Site]:
    lines = (files("ronde.demo") / "sites.jsonl").read_text(encoding="utf-8").splitlines()
    return [reader(Site)(json.loads(line)) for line in lines]


def shipped_procedures() -> Procedures:
    settings = tomllib.loads((files("ronde.demo") / "settings.toml").read_text(encoding="utf-8"))
    return {name: DEFAULTS[name]._replace(**changed) for name, changed in settings["procedures"].items()}


class World:
    """The demonstration in virtual time: the core, the telephony, the partners and the alarms, no Kafka."""

    def __init__(self, told: tuple[Story, ...] = EVERY) -> None:
        self.simulation = Simulation(shipped_procedures())
        self.telephony = telephony.Telephony(stories.telephony_script(told))
        self.partner = partner.Partner(stories.partner_script(told))
        self.alarms = Alarms(told, START)
        self.board = Board()
        self.inputs: dict[InputPosition, Record] = {}
        self.offsets: Counter[str] = Counter()

    def run(self) -> Board:
        for site in shipped_sites():
            self.see(self.simulation.site(site.site_id, site, self.source("sites"), START))
        for now in range(START, START + LONGEST, TICK):
            self.see(self.simulation.advance(now))
            for alert in self.alarms.due(self.board, now):
                self.feed("alerts", Alert(**alert), now)
            for result in self.telephony.agenda.due(now):
                self.feed("call-results", CallResult(**result), now)
            for reported in self.partner.agenda.due(now):
                self.feed("dispatch-reports", DispatchReport(**reported), now)
        return self.board

    def source(self, topic: str) -> Source:
        self.offsets[topic] += 1
        return Source(topic, 0, self.offsets[topic] - 1)

    def feed(self, topic: str, event: Alert | CallResult | DispatchReport, now: int) -> None:
        source = self.source(topic)
        self.inputs[InputPosition(*source)] = as_read(event)
        self.see(self.simulation.event(event, source, now))

    def see(self, emitted: Any) -> None:
        record: Emitted
        for record in emitted:
            value = as_read(record.value)
            self.board.take(record.topic, value)
            if record.topic == "calls":
                self.telephony.take(value, record.at)
            elif record.topic == "dispatches":
                self.partner.take(value, record.at)


def as_read(value: Any) -> Any:
    """A value of the core as a reader of its topic gets it."""
    if hasattr(value, "_asdict"):
        return {name: as_read(field) for name, field in value._asdict().items()}
    return [as_read(item) for item in value] if isinstance(value, tuple) else value


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.run()
    return world


class TestStories:
    @pytest.mark.parametrize("story", EVERY, ids=lambda story: f"{story.site_id} {story.title}")
    def test_the_core_can_end_it_as_told(self, world: World, story: Story) -> None:
        view = world.board.site(story.site_id)

        assert differences(story.ending, view.ending()) == []
        assert view.is_as_told(story)
        assert not view.has_strayed(story)

    def test_every_story_is_over_well_within_the_demonstration(self, world: World) -> None:
        last = max(decision["at"] for story in EVERY for decision in world.board.site(story.site_id).decisions)

        assert last - START < 25_000

    def test_every_input_has_one_end(self, world: World) -> None:
        assert world.board.ended == world.inputs.keys()
        assert not world.board.decided & world.board.quarantined
        assert not world.board.dead

    def test_they_are_on_sites_of_their_own(self) -> None:
        shipped = {site.site_id for site in shipped_sites()}
        told = [story.site_id for story in EVERY]

        assert len(shipped) == 30
        assert len(set(told)) == len(told)
        assert set(told) <= shipped

    def test_phone_numbers_are_those_set_aside_for_fiction(self) -> None:
        fiction = ("+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998")
        phones = [contact.phone for site in shipped_sites() for contact in site.contacts]

        assert all(phone is not None and phone.startswith(fiction) and len(phone) == 12 for phone in phones)
        assert len(set(phones)) == len(phones)

    def test_the_demonstration_changes_times_under_versions_of_its_own(self) -> None:
        for name, procedure in shipped_procedures().items():
            assert procedure.version != DEFAULTS[name].version
            assert procedure.confirms == DEFAULTS[name].confirms


class TestReport:
    """What is printed at the end, at the width of a small terminal."""

    def printed(self, say: Callable[[Console], object]) -> str:
        console = Console(width=80, file=io.StringIO())
        say(console)
        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert max(map(len, lines)) <= 80
        return "\n".join(line.rstrip() for line in lines)

    def test_the_timeline_of_an_incident(self, world: World) -> None:
        text = self.printed(lambda console: report.print_timelines(console, world.board, world.inputs))

        story = text[text.index("✓ S10") : text.index("✓ S11")].strip()
        assert story == inspect.cleandoc(
            """
            ✓ S10  partner silent → next partner
               +0.00 s alert INTRUSION          OPENED               call 1.1 idir
               +0.60 s idir IDENTIFIED ABNORMAL CONFIRMED_ABNORMAL   ask garde-alpes
               +4.60 s deadline                 RESPONSE_TIMED_OUT   ask garde-alpes (2)
                                                                     ! PARTNER_SILENT
               +8.60 s deadline                 RESPONSE_TIMED_OUT   ask garde-alpes (3)
              +12.60 s deadline                 RESPONSE_TIMED_OUT   call off garde-alpes
                                                                     ask vigie-ouest
              +13.40 s guard ACCEPTED           PARTNER_PROGRESS
              +14.20 s guard EN_ROUTE           PARTNER_PROGRESS
              +15.40 s guard ON_SITE            PARTNER_PROGRESS
              +16.60 s guard CLOSED             INTERVENTION_CLOSED  closed: BREAK_IN
            """
        )

    def test_the_sum(self, world: World) -> None:
        text = self.printed(lambda console: report.print_sum(console, world.board, world.inputs, 30))

        assert "75 inputs = 73 decided + 2 quarantined + 0 dead-lettered" in text
        assert "30 site records = 30 readiness records" in text

    def test_an_input_without_an_end_is_named(self, world: World) -> None:
        lost = InputPosition("alerts", 4, 17)

        text = self.printed(lambda console: report.print_sum(console, world.board, {**world.inputs, lost: {}}, 30))

        assert "76 inputs ≠ 73 decided + 2 quarantined + 0 dead-lettered" in text
        assert "alerts, partition 4, offset 17 has no end" in text

    def test_nothing_is_missed_when_all_went_as_told(self, world: World) -> None:
        assert self.printed(lambda console: console.print(report.print_missed(console, world.board))) == "[]"

    def test_a_story_that_came_to_nothing_says_what_is_missing(self) -> None:
        text = self.printed(lambda console: report.print_missed(console, Board()))

        assert (
            inspect.cleandoc(
                """
            ✗ S11 no intervention → attention: not as told
                rules: expected OPENED CONFIRMED_ABNORMAL, came none
                phase: expected HANDED_OVER, came none
                attention: expected INTERVENTION_DISABLED, came none
            """
            )
            in text
        )

    def test_what_is_kept_can_be_looked_into(self, tmp_path: Path) -> None:
        stage = Stage("127.0.0.1:9092", "demo-1.", tmp_path, tmp_path / "s.toml", "http://127.0.0.1:6066")
        stage = with_ledger(stage, "127.0.0.1", 5433)
        console = Console(width=80, file=io.StringIO())
        report.print_whereabouts(console, stage, tmp_path, keep=True, is_local=True)

        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert f"postgresql://ronde@127.0.0.1:5433/{tmp_path.name}" in text.replace("\n", "")
        for command in re.findall(r"  (ronde .*)", text):
            words = command.split()
            assert words[-2:] in (["--settings", str(stage.settings)], ["--data", str(tmp_path)])
        assert len(re.findall(r"  ronde ", text)) == 7
        read = load(stage.settings, {}, WholeSettings)
        assert (read.postgres.port, read.postgres.database) == (5433, tmp_path.name)

    def test_the_live_table_fits_a_small_terminal(self, world: World) -> None:
        text = self.printed(lambda console: console.print(screen.frame(world.board, START + 20_000, START)))

        assert "✓ S11  no intervention → attention    HANDED_OVER      30 m CONFIRMED_ABNORMAL" in text
        assert "13 of 13 ended as told; inputs: 73 decided, 2 quarantined, 0 dead" in text
        assert text.count("\n") < 19  # with the five lines before it, 24 rows


class TestVerdict:
    def test_a_story_that_went_another_way_is_named_with_what_came(self) -> None:
        told = Ending(("OPENED", "RESOLVED"), "CLOSED")
        came = Ending(("OPENED", "CONFIRMED_ABNORMAL"), "HANDED_OVER", attention=("NO_PARTNER",))

        assert differences(told, came) == [
            "rules after OPENED: expected RESOLVED, came CONFIRMED_ABNORMAL",
            "phase: expected CLOSED, came HANDED_OVER",
            "attention: expected none, came NO_PARTNER",
        ]

    def test_a_story_has_strayed_at_its_first_other_rule(self) -> None:
        wrong = STORIES[0]._replace(replies=(telephony.Reply("NOT_IDENTIFIED"),))

        board = World((wrong,)).run()

        assert board.site("S01").has_strayed(STORIES[0])


def call(command_id: str = "i-c1.1", **changed: Any) -> Record:
    target = command_id.removesuffix("-cancel") if changed.get("action") == "CANCEL" else None
    command = {
        "command_id": command_id,
        "action": "CALL",
        "target_command_id": target,
        "incident_id": "i",
        "site_id": "S01",
        "procedure": "SECURITY",
        "round": 1,
        "position": 1,
        "contact_id": "claire",
        "leave_message": True,
        "issued_at": START,
        "expires_at": START + 5_000,
    }
    return command | changed


def request(command_id: str = "i-d1-r1", **changed: Any) -> Record:
    command = {
        "command_id": command_id,
        "dispatch_id": "i-d1",
        "action": "REQUEST",
        "incident_id": "i",
        "site_id": "S01",
        "partner_id": "garde-alpes",
        "respond_by": START + 3_000,
    }
    return command | changed


class TestTelephony:
    def answering(self, *replies: telephony.Reply) -> telephony.Telephony:
        return telephony.Telephony({"S01": list(replies)})

    def test_a_call_is_answered_once_its_time_has_come(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED", after=0.5))

        assert phones.take(call(), START) == "i-c1.1"

        assert phones.agenda.due(START + 499) == []
        [result] = phones.agenda.due(START + 500)
        assert (result["outcome"], result["command_id"], result["ended_at"]) == ("IDENTIFIED", "i-c1.1", START + 500)
        assert phones.agenda.due(START + 60_000) == []

    def test_a_command_read_twice_is_answered_once(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED"))

        phones.take(call(), START)
        assert phones.take(call(), START + 10) is None

        assert len(phones.agenda.due(START + 60_000)) == 1

    def test_a_call_cancelled_before_its_answer_gives_none(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED", after=0.5))

        phones.take(call(), START)
        phones.take(call("i-c1.1-cancel", action="CANCEL"), START + 400)

        assert phones.agenda.due(START + 60_000) == []

    def test_a_call_cancelled_after_its_answer_takes_nothing_back(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED", after=0.5))

        phones.take(call(), START)
        assert len(phones.agenda.due(START + 500)) == 1
        phones.take(call("i-c1.1-cancel", action="CANCEL"), START + 600)

        assert phones.agenda.due(START + 60_000) == []

    def test_a_call_is_not_placed_after_it_expired(self) -> None:
        phones = self.answering(telephony.Reply("IDENTIFIED"))

        assert phones.take(call(), START + 5_001) is None

        assert phones.agenda.due(START + 60_000) == []

    def test_a_message_is_left_and_heard(self) -> None:
        phones = self.answering(telephony.Reply("NO_ANSWER", "UNKNOWN", after=0.5, calls_back=3.0))

        phones.take(call(), START)

        missed, callback = phones.agenda.due(START + 60_000)
        assert (missed["outcome"], missed["message_left"]) == ("NO_ANSWER", True)
        assert (callback["direction"], callback["command_id"], callback["incident_id"]) == ("INBOUND", None, "i")
        assert callback["ended_at"] == START + 3_500

    def test_a_restart_says_the_same_under_the_same_ids(self) -> None:
        reply = telephony.Reply("NO_ANSWER", "UNKNOWN", calls_back=1.0)
        before, after = self.answering(reply), self.answering(reply)

        before.take(call(), START)
        after.take(call(), START + 700)

        ids = [[said["result_id"] for said in phones.agenda.due(START + 60_000)] for phones in (before, after)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == 2

    def test_the_script_goes_through_its_file(self, tmp_path: Path) -> None:
        script = stories.telephony_script(EVERY)
        path = tmp_path / "telephony.json"

        path.write_text(stories.as_json(script), encoding="utf-8")

        assert telephony.read_script(path) == script


class TestPartner:
    def of_site(self, *reports: partner.ScriptedReport) -> partner.Partner:
        return partner.Partner({"S01": {"garde-alpes": list(reports)}})

    def statuses(self, guards: partner.Partner) -> list[str]:
        return [report["status"] for report in guards.agenda.due(START + 600_000)]

    def test_a_guard_is_reported_step_by_step(self) -> None:
        guards = self.of_site(
            partner.ScriptedReport("ACCEPTED", 1), partner.ScriptedReport("CLOSED", 2, "NOTHING_FOUND")
        )

        assert guards.take(request(), START) == "i-d1"

        [accepted] = guards.agenda.due(START + 1_000)
        assert (accepted["status"], accepted["dispatch_id"]) == ("ACCEPTED", "i-d1")
        [closed] = guards.agenda.due(START + 2_000)
        assert (closed["status"], closed["disposition"]) == ("CLOSED", "NOTHING_FOUND")

    def test_a_second_request_of_a_dispatch_sends_no_second_guard(self) -> None:
        guards = self.of_site(partner.ScriptedReport("ACCEPTED", 1))

        guards.take(request(), START)
        guards.take(request(), START + 10)
        guards.take(request("i-d1-r2"), START + 20)

        assert self.statuses(guards) == ["ACCEPTED"]

    def test_a_cancel_turns_the_guard_back(self) -> None:
        guards = self.of_site(partner.ScriptedReport("ACCEPTED", 1), partner.ScriptedReport("ON_SITE", 9))

        guards.take(request(), START)
        assert len(guards.agenda.due(START + 1_000)) == 1
        guards.take(request("i-d1-cancel", action="CANCEL", respond_by=None), START + 2_000)

        assert self.statuses(guards) == ["CLOSED"]

    def test_a_request_read_too_late_goes_unanswered(self) -> None:
        guards = self.of_site(partner.ScriptedReport("ACCEPTED", 1))

        assert guards.take(request(), START + 3_001) is None

        assert self.statuses(guards) == []

    def test_a_partner_without_a_script_is_silent(self) -> None:
        guards = self.of_site()

        guards.take(request(), START)
        guards.take(request("i-d1-cancel", action="CANCEL", respond_by=None), START)

        assert self.statuses(guards) == []

    def test_the_script_goes_through_its_file(self, tmp_path: Path) -> None:
        script = stories.partner_script(EVERY)
        path = tmp_path / "partner.json"

        path.write_text(stories.as_json(script), encoding="utf-8")

        assert partner.read_script(path) == script


class TestCommittedOffset:
    """A restart must read every command again that is not answered yet, and no more than that."""

    def test_it_waits_for_the_oldest_unanswered_command(self) -> None:
        unanswered = Unanswered()
        unanswered.read(0, 7, "a")
        unanswered.read(0, 8, None)
        unanswered.read(0, 9, "b")

        assert unanswered.moved({"a", "b"}) == {0: 7}
        assert unanswered.moved({"a"}) == {}
        assert unanswered.moved(set()) == {0: 10}
        assert unanswered.moved(set()) == {}

    def test_partitions_move_apart(self) -> None:
        unanswered = Unanswered()
        unanswered.read(0, 1, "a")
        unanswered.read(3, 5, None)

        assert unanswered.moved({"a"}) == {0: 1, 3: 6}


def test_answers_of_one_instant_keep_their_order() -> None:
    agenda = Agenda()
    for number in range(5):
        agenda.plan(START, "a", {"number": number})

    assert [answer["number"] for answer in agenda.due(START)] == [0, 1, 2, 3, 4]
    assert agenda.next_at() is None


class TestLive:
    """The command itself, on the broker of this test run."""

    @pytest.fixture
    def process(self, kafka: Kafka, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
        """The demonstration, started in an empty folder, with a setting of ours in the environment."""
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
        assert "75 inputs = 73 decided + 2 quarantined + 0 dead-lettered" in text
        assert "30 site records = 30 readiness records" in text
        assert "all 13 stories ended as told" in text
        [folder] = (tmp_path / ".ronde" / "demo").iterdir()
        assert {"worker.log", "telephony.log", "partner.log", "metrics.txt"} <= {path.name for path in folder.iterdir()}
        assert "ronde_inputs_total" in (folder / "metrics.txt").read_text()
        logged = "".join((folder / f"{name}.log").read_text() for name in ("worker", "telephony", "partner"))
        for contact in (contact for site in shipped_sites() for contact in site.contacts):
            assert str(contact.phone) not in logged
            assert str(contact.last_name) not in logged
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
        assert Counter(map(role_of, children)) >= Counter(["worker", "sink", "telephony", "partner", "postgres"])

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
            first.wait_until(lambda: first.said("is told IDENTIFIED"), 20, "did not answer")
            first.kill()
        with closing_process(self.telephony(topics, tmp_path, "second")) as second:
            second.wait_until(lambda: second.tail().count("is told NO_ANSWER") == 2, 20, "did not answer")

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
    """End it, whatever becomes of the test."""
    try:
        yield child
    finally:
        child.stop()


def role_of(process: psutil.Process) -> str:
    """Which part of the demonstration a process is."""
    words = " ".join(process.cmdline())
    roles = {"worker": "main() worker", "sink": "main() sink", "postgres": "/postgres -D"}
    roles |= {name: f"ronde.demo.{name}" for name in ("telephony", "partner")}
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
