"""The demonstration: every story can end as told, and is reported so."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from ronde.demo import report, screen, telephony
from ronde.demo.board import Board, InputPosition, differences
from ronde.demo.stage import Stage, with_ledger
from ronde.demo.stories import STORIES, Ending, Story
from ronde.shared.whole_settings import WholeSettings
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

        assert differences(story.ending, view.ending()) == []
        assert view.is_as_planned(story)
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
