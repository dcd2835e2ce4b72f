"""Who waits until a record of their own is read again: the log then says what came of it."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from edges.desk.claims import Hold
from edges.desk.progress import Place
from edges.desk.state import DeskState
from edges.values import Claim, DeskEvent


class ReadBack(NamedTuple):
    """A record of our own, read again: its timestamp.

    Of a claim, who then held the subject; of a word, how many were then tried in its call, and how many wrong ones for
    its site within the hour.
    """

    timestamp: int
    hold: Hold | None
    tries: int
    wrong: int


class ReadBacks:
    """Futures by the record's id. The same request twice at once is one id, and two who wait for it."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._waiting: dict[str, list[asyncio.Future[ReadBack]]] = {}

    def expect(self, record_id: str) -> asyncio.Future[ReadBack]:
        """A future that is done once the claim or event of this id was read; `forget` it at the end."""
        future: asyncio.Future[ReadBack] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(record_id, []).append(future)
        return future

    def forget(self, record_id: str, future: asyncio.Future[ReadBack]) -> None:
        """Wait for it no more."""
        waiting = self._waiting.get(record_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._waiting.pop(record_id, None)

    def meet(self, value: Any, place: Place) -> None:
        """Let those go on who wait for this record, which the state has taken."""
        hold, tries, wrong = None, 0, 0
        match value:
            case Claim():
                waiting = self._waiting.pop(value.claim_id, ())
                hold = self._state.claims[place.partition].holder(value.subject) if waiting else None
            case DeskEvent():
                waiting = self._waiting.pop(value.event_id, ())
                tries = len(self._state.tries.get(value.subject or "", ()))
                wrong = self._state.wrong_words(value.site_id, value.at)
            case _:
                return
        for future in waiting:
            if not future.done():
                future.set_result(ReadBack(place.timestamp, hold, tries, wrong))
