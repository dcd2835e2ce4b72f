"""The demonstration: every story can end as told, and is reported so."""

from __future__ import annotations

import inspect
import io
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from rich.console import Console

from edges.panel.dialler import Way
from edges.receiver.framing import framed
from ronde.demo import report, screen, telephony
from ronde.demo.agenda import Record
from ronde.demo.alarms import DueSignal
from ronde.demo.endings import differences, ending_of, has_strayed, is_as_planned
from ronde.demo.panels import Delivery, Panels, shipped
from ronde.demo.report_frames import print_frames
from ronde.demo.stage import Stage, with_ledger
from ronde.demo.stories import LINK_TEST, STORIES, Ending, Signal, Story
from ronde.shared.errors import Failed
from ronde.shared.whole_settings import WholeSettings
from ronde.views.site_timeline.board import Board, InputPosition
from ronde.views.site_timeline.moments import Inputs
from streams.escalation.procedures import DEFAULTS
from streams.settings import load
from tests.cli.demo.virtual import EVERY, START, World, shipped_procedures, shipped_sites


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.run()
    return world


class TestStories:
    @pytest.mark.parametrize("story", EVERY, ids=lambda story: f"{story.site_id} {story.title}")
    def test_the_core_can_end_it_as_told(self, world: World, story: Story) -> None:
        view = world.board.site(story.site_id)

        assert differences(story.ending, ending_of(view)) == []
        assert is_as_planned(story, view)
        assert not has_strayed(story, view)

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


class TestPanels:
    def test_every_story_has_a_panel_and_each_panel_a_site(self) -> None:
        panels = shipped()

        assert {story.site_id for story in EVERY} <= panels.keys() == {site.site_id for site in shipped_sites()}
        assert len({panel.account for panel in panels.values()}) == len(panels)
        assert {len(panel.key) for panel in panels.values() if panel.key} == {16, 24, 32}

    def test_what_is_recorded_of_every_frame(self, world: World) -> None:
        outcomes = Counter(signal.outcome for signal in world.receiver.signals)

        assert outcomes == {"ALERT": 20, "SIGNAL": 2, "REPEATED": 2, "REFUSED": 2}
        assert {signal.code for signal in world.receiver.signals if signal.outcome == "SIGNAL"} == {"130", "BR"}
        assert {signal.site_id for signal in world.receiver.signals if signal.authenticated} >= {"S06", "S08", "S09"}

    def test_an_alert_is_named_by_its_frame(self, world: World) -> None:
        alerts = {place: record for place, record in world.inputs.items() if place.topic == "alerts"}
        [fire] = [record for record in alerts.values() if record["site_id"] == "S08"]

        assert re.fullmatch(r"1008-0001-1-[0-9a-f]{8}", fire["alert_id"])
        assert (fire["kind"], fire["zone"], fire["detail"]) == ("FIRE", "7", "kitchen")
        assert fire["source"] == "dc09:demo"

    @pytest.fixture
    def answering(self) -> Iterator[Callable[[bytes], Panels]]:
        """Panels on a line where all frames get one answer."""
        with ExitStack() as stack:

            def panels_that_get(answer: bytes) -> Panels:
                server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

                def answer_each() -> None:
                    with suppress(OSError):
                        while True:
                            line, _ = server.accept()
                            with line:
                                line.recv(4096)
                                line.sendall(answer)

                threading.Thread(target=answer_each, daemon=True).start()
                port = server.getsockname()[1]
                return stack.enter_context(closing(Panels(Way("127.0.0.1", port), shipped())))

            yield panels_that_get

    def test_a_signal_that_is_refused_against_its_story_is_named(self, answering: Callable[[bytes], Panels]) -> None:
        panels = answering(framed(b'"DUH"0001L0#1001[]'))
        panels.send(DueSignal("S01", 1, Signal("130", "1")))

        with pytest.raises(Failed, match="the panel of S01 got DUH to its 130, after 1 frame: expected ACK"):
            panels.finish()
        with pytest.raises(Failed, match="S01"):
            panels.check()

    def test_what_was_sent_is_counted(self, answering: Callable[[bytes], Panels]) -> None:
        panels = answering(framed(b'"ACK"0002L0#1001[]') + framed(b'"ACK"0000L0#1001[]'))
        panels.send(DueSignal("S01", 2, Signal("130", "1", copies=2)))
        panels.send(DueSignal("S01", 3, Signal(LINK_TEST)))

        assert panels.finish() == [Delivery("1001", "0002", False, 2, 2), Delivery("1001", "0000", True, 1, 1)]


class TestFrames:
    """The sum of the frames."""

    @pytest.fixture
    def signals(self, world: World) -> list[Record]:
        return [signal._asdict() for signal in world.receiver.signals]

    def printed(self, sent: list[Delivery], signals: list[Record], inputs: Inputs) -> tuple[bool, str]:
        console = Console(width=100, file=io.StringIO())
        is_right = print_frames(console, sent, signals, inputs)
        return is_right, console.file.getvalue()  # type: ignore[attr-defined]

    def test_the_sum(self, world: World, signals: list[Record]) -> None:
        assert self.printed(world.receiver.sent, signals, world.inputs) == (
            True,
            "\n28 frames = 20 alerts + 2 signals + 2 repeated + 2 refused + 2 link tests\n",
        )

    def test_events_of_one_frame_are_one_frame(self, world: World, signals: list[Record]) -> None:
        alert = next(signal for signal in signals if signal["outcome"] == "ALERT")
        second = {**alert, "signal_id": alert["signal_id"][:-1] + "2", "outcome": "SIGNAL", "alert_id": None}

        assert self.printed(world.receiver.sent, [second, *signals], world.inputs)[0]

    def test_a_frame_that_was_sent_again_for_want_of_an_answer_is_counted_apart(
        self, world: World, signals: list[Record]
    ) -> None:
        first, *others = world.receiver.sent

        is_right, text = self.printed([first._replace(frames=2), *others], signals, world.inputs)

        assert is_right
        assert "29 frames = 20 alerts + 2 signals + 2 repeated + 2 refused + 2 link tests + 1 not taken" in text

    def test_an_answered_frame_without_a_record_is_named(self, world: World, signals: list[Record]) -> None:
        lost = next(signal for signal in signals if signal["outcome"] == "SIGNAL")

        is_right, text = self.printed(
            world.receiver.sent, [signal for signal in signals if signal is not lost], world.inputs
        )

        assert not is_right
        assert "28 frames ≠" in text
        frame = f"account {lost['account']}, frame {lost['sequence']}"
        assert f"{frame}: 1 sent, 1 answered, 0 recorded" in text

    def test_a_record_of_no_frame_is_named(self, world: World, signals: list[Record]) -> None:
        is_right, text = self.printed(world.receiver.sent[1:], signals, world.inputs)

        assert not is_right
        assert "0 sent, 0 answered, 1 recorded" in text

    def test_an_unknown_account_is_named(self, world: World, signals: list[Record]) -> None:
        unknown = [signal | {"outcome": "UNKNOWN_ACCOUNT"} for signal in signals[:1]]

        is_right, text = self.printed(world.receiver.sent, [*unknown, *signals[1:]], world.inputs)

        assert not is_right
        assert "the receiver does not know the account" in text

    def test_alerts_without_a_signal_and_the_other_way_round_are_named(
        self, world: World, signals: list[Record]
    ) -> None:
        place = next(place for place in world.inputs if place.topic == "alerts")
        alert_id = world.inputs[place]["alert_id"]
        others = {other: record for other, record in world.inputs.items() if other != place}

        is_right, text = self.printed(world.receiver.sent, signals, others)
        assert not is_right
        assert f"alert {alert_id} of a signal was not raised" in text
        is_right, text = self.printed(
            world.receiver.sent, signals, {**world.inputs, place: {**world.inputs[place], "alert_id": "X"}}
        )
        assert not is_right
        assert "alert X has no signal" in text


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
        stage = Stage("127.0.0.1:9092", "demo-1.", tmp_path, tmp_path / "s.toml", {}, 6070)
        stage = with_ledger(stage, "127.0.0.1", 5433)
        console = Console(width=80, file=io.StringIO())
        report.print_whereabouts(console, stage, tmp_path, keep=True, is_local=True)

        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert f"postgresql://ronde@127.0.0.1:5433/{tmp_path.name}" in text.replace("\n", "")
        for command in re.findall(r"  (ronde .*)", text):
            words = command.split()
            assert words[-2:] in (["--settings", str(stage.settings)], ["--data", str(tmp_path)])
        assert len(re.findall(r"  ronde ", text)) == 8
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

        assert has_strayed(STORIES[0], board.site("S01"))
