"""The word of a call that was tried last and got no answer: said again by the same operator, it is the same try.

A try that Kafka has not confirmed in time may still be written, and be read back before it is said again. So it is kept
until it is answered, or another word is tried: by the log's order the last one allows a result. A word is known by a
keyed hash alone, and the key by this process alone: nothing of either is in a record. Another desk, or this one started
again, takes the word for a further try: more may count, never fewer.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from contextlib import suppress
from typing import Final, NamedTuple

from edges.desk.deadline import left
from edges.desk.own_records import Operator, OwnRecords, Subject
from edges.desk.read_back import ReadBack
from edges.desk.state import DeskState
from edges.kafka.producer import CONFIRM_SECONDS
from edges.values import DeskEvent
from service.logs import logger

_log = logger(__name__)

KEPT_MS: Final = 3600 * 1000  # nobody says it again that late


class _Try(NamedTuple):
    said: bytes
    event: DeskEvent
    back: asyncio.Future[ReadBack]  # what the log says of it, also once nobody waits


class UnansweredTries:
    """Those of one desk; who calls has one word of a call at a time."""

    def __init__(self, state: DeskState, own: OwnRecords) -> None:
        self._state = state
        self._own = own
        self._secret = secrets.token_bytes(32)
        self._tries: dict[str, _Try] = {}  # by command or callback

    def event(self, operator: Operator, subject: Subject, word: str) -> DeskEvent | None:
        """The event of this very try; None: it is another one, or was answered."""
        tried = self._tries.get(subject.id)
        if tried is None or tried.said != self._digest(operator, word):
            return None
        known = len(self._state.tries.get(subject.id, ()))
        return None if tried.back.done() and tried.back.result().tries < known else tried.event

    async def write(self, operator: Operator, subject: Subject, word: str, event: DeskEvent) -> ReadBack | None:
        """Write a try, unless it is written, and wait until it is read back; None: that took too long.

        Then it is answered. Raises `UnconfirmedError`: it is not.
        """
        tried = self._tries.get(subject.id)
        if tried is None or tried.event is not event:
            self._forget_old()
            self._forget(subject.id)
            tried = _Try(self._digest(operator, word), event, self._own.read_backs.expect(event.event_id))
            self._tries[subject.id] = tried
        if not tried.back.done():
            await self._own.writer.send_once(desk_log=event)
        read = None
        with suppress(TimeoutError):
            async with asyncio.timeout(left(CONFIRM_SECONDS)):
                read = await asyncio.shield(tried.back)
        if read is None:  # Kafka has it, so the answer is yes
            _log.warning("a word that was tried was not read back in time")
        self._forget(subject.id)
        return read

    def _digest(self, operator: Operator, word: str) -> bytes:
        # As it was typed: two forms of a word may be judged differently.
        return hmac.digest(self._secret, repr((operator.name, word)).encode(), "sha256")

    def _forget(self, subject: str) -> None:
        tried = self._tries.pop(subject, None)
        if tried is not None:
            self._own.read_backs.forget(tried.event.event_id, tried.back)

    def _forget_old(self) -> None:
        since = self._own.clock.now() - KEPT_MS
        for subject in [subject for subject, tried in self._tries.items() if tried.event.at < since]:
            self._forget(subject)
