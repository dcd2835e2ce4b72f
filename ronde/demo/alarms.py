"""When the panels of the demonstration send: each story's signals, as they are due."""

from typing import NamedTuple

from ronde.demo.stories import Signal, Story
from ronde.views.site_timeline.board import Board


class DueSignal(NamedTuple):
    """A signal to send now; ``sequence`` is its number at its panel, from 1."""

    site_id: str
    sequence: int
    signal: Signal


class Alarms:
    """The signals of all stories. Reads no clock: instants are in ms since 1970, UTC."""

    def __init__(self, stories: tuple[Story, ...], started_at: int) -> None:
        self._started_at = started_at
        self._waiting = [
            DueSignal(story.site_id, number, signal)
            for story in stories
            for number, signal in enumerate(story.signals, start=1)
        ]

    def due(self, board: Board, now: int) -> list[DueSignal]:
        """Return the signals to send now, each once: at a time, or some seconds after a rule on the board."""
        due = []
        for waiting in list(self._waiting):
            signal = waiting.signal
            counted_from = self._started_at if signal.since is None else _seen_at(board, waiting.site_id, signal.since)
            if counted_from is not None and now >= counted_from + round(signal.after * 1000):
                self._waiting.remove(waiting)
                due.append(waiting)
        return due


def _seen_at(board: Board, site_id: str, rule: str) -> int | None:
    decisions = board.site(site_id).decisions
    return next((decision["at"] for decision in decisions if decision["rule"] == rule), None)
