"""Play the stories: have panels send, follow the outputs on the board, until every story has ended."""

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Final, Protocol

from ronde.demo.alarms import Alarms
from ronde.demo.endings import has_strayed, is_as_planned
from ronde.demo.panels import Delivery, Panels
from ronde.demo.screen import Screen
from ronde.demo.stage import EVERY, Stage
from ronde.demo.watch import EVENTS, TopicWatch, read_inputs
from ronde.views.site_timeline.board import Board
from ronde.views.site_timeline.moments import Inputs
from service.clock import now_ms

LONGEST_SECONDS: Final = 40.0  # the longest story takes about 18
SETTLE_SECONDS: Final = 1.0  # to catch records that must not follow
ENDS_SECONDS: Final = 5.0  # for the last inputs to be handled
LOOK_SECONDS: Final = 0.05


class Part(Protocol):
    """What takes part in the stories beside the panels."""

    def check(self) -> None:
        """Raise `Failed` when it cannot go on."""


def play(
    panels: Panels, watch: TopicWatch, board: Board, screen: Screen, parts: Sequence[Part], started_at: int
) -> list[Delivery]:
    """Have the panels send, and show the outputs; end with the last story, or after `LONGEST_SECONDS`.

    ``started_at`` in ms since 1970, UTC. Returns what was sent. Raises `Failed` when one of the parts cannot go on, or
    the receiver's answer to a panel is not the story's.
    """
    alarms = Alarms(EVERY, started_at)
    give_up = time.monotonic() + LONGEST_SECONDS
    over_at: float | None = None
    with closing(screen):
        while time.monotonic() < give_up and (over_at is None or time.monotonic() < over_at + SETTLE_SECONDS):
            for due in alarms.due(board, now_ms()):
                panels.send(due)
            screen.show(watch.look(LOOK_SECONDS), now_ms())
            for part in parts:
                part.check()
            panels.check()
            if not _is_over(board):
                over_at = None
            elif over_at is None:
                over_at = time.monotonic()
    return panels.finish()


def last_ends(stage: Stage, watch: TopicWatch, board: Board) -> Inputs:
    """Return every input by its place, once each has its end on the board or `ENDS_SECONDS` have passed."""
    give_up = time.monotonic() + ENDS_SECONDS
    while True:
        inputs = read_inputs(stage.kafka, stage.prefix, *EVENTS)
        if inputs.keys() <= board.ended or time.monotonic() > give_up:
            return inputs
        watch.look(LOOK_SECONDS)


def _is_over(board: Board) -> bool:
    """True once every story has reached its ending, or can no longer."""
    views = [(story, board.site(story.site_id)) for story in EVERY]
    return all(is_as_planned(story, view) or has_strayed(story, view) for story, view in views)
