"""The alarm receiver of the demonstration: raises each story's alerts when they are due."""

from ronde.demo.agenda import Record
from ronde.demo.board import Board
from ronde.demo.stories import Signal, Story


class Alarms:
    """Turns signals into alerts. Reads no clock: instants are in ms since 1970, UTC."""

    def __init__(self, stories: tuple[Story, ...], started_at: int) -> None:
        self._started_at = started_at
        self._waiting = [
            (story.site_id, number, signal) for story in stories for number, signal in enumerate(story.signals, start=1)
        ]

    def due(self, board: Board, now: int) -> list[Record]:
        """Return the alerts to raise now, each once: at a time, or some seconds after a rule on the board."""
        alerts = []
        for entry in list(self._waiting):
            site_id, number, signal = entry
            counted_from = self._started_at if signal.since is None else _seen_at(board, site_id, signal.since)
            if counted_from is not None and now >= counted_from + _ms(signal):
                self._waiting.remove(entry)
                alerts.append(_alert(site_id, number, signal, now))
        return alerts


def _ms(signal: Signal) -> int:
    return round(signal.after * 1000)


def _seen_at(board: Board, site_id: str, rule: str) -> int | None:
    decisions = board.site(site_id).decisions
    return next((decision["at"] for decision in decisions if decision["rule"] == rule), None)


def _alert(site_id: str, number: int, signal: Signal, now: int) -> Record:
    return {
        "alert_id": f"{site_id}-{number}",
        "site_id": site_id,
        "kind": signal.kind,
        "raised_at": now,
        "zone": signal.zone,
        "detail": None,
        "source": "demo",
    }
