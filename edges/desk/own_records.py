"""What operators of this desk do, as records of its own: written with the broker's time, then read back.

A claim is answered by what the log makes of it; other records once Kafka has them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, Final, NamedTuple

from edges.desk.broker_clock import BrokerClock
from edges.desk.claims import Hold
from edges.desk.deadline import left
from edges.desk.reader import DeskReader
from edges.desk.reserved import Reserved
from edges.desk.state import DeskState
from edges.desk.writer import Writer
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.values import Claim, DeskEvent
from service.logs import logger

_log = logger(__name__)

HOLD_SECONDS: Final = 60


class Operator(NamedTuple):
    """Who asks."""

    name: str
    is_supervisor: bool
    is_machine: bool = False

    @property
    def who(self) -> str:
        """As claims have it."""
        return "ROBOT" if self.is_machine else "PERSON"


class Subject(NamedTuple):
    """What is claimed, and whose it is."""

    id: str
    partition: int
    site_id: str
    incident_id: str | None


class OwnRecords:
    """Claims and events of one desk.

    Attributes:
        writer: for what is not read back.
        clock: the broker's time, which claims tell.
        read_backs: who waits for a record of their own.

    """

    def __init__(
        self, state: DeskState, reader: DeskReader, writer: Writer, clock: BrokerClock, reserved: Reserved
    ) -> None:
        self.writer = writer
        self.clock = clock
        self.read_backs = reader.own
        self._state = state
        self._reserved = reserved
        self._tasks: set[asyncio.Task[None]] = set()

    async def claim(self, operator: Operator, subject: Subject, action: str) -> Hold | None:
        """Write a claim, and return who holds the subject once it was read back. Raises `UnconfirmedError`.

        After the broker's clock went back, the log still has holds whose seconds have passed. A `TAKE` loses against
        one of these; where its holder has not been heard of since either, it is taken over.
        """
        log = self._state.claims[subject.partition]
        free = self._state.holder(subject.partition, subject.id) is None
        over = log.holder(subject.id) if free and action == "TAKE" else None
        hold = await self._claim(operator, subject, action)
        if over is not None and log.holder(subject.id) is over:  # the very one: each record makes another
            hold = await self._claim(operator, subject, "TAKE_OVER")
        return hold

    async def _claim(self, operator: Operator, subject: Subject, action: str) -> Hold | None:
        claim_id = secrets.token_hex(12)
        by, who = operator.name, operator.who
        claim = Claim(claim_id, subject.site_id, subject.incident_id, subject.id, by, who, action, HOLD_SECONDS)
        back = self.read_backs.expect(claim_id)
        sent_at = self.clock.moment()
        try:
            await self.writer.send(claims=claim)
            async with asyncio.timeout(left(CONFIRM_SECONDS)):
                read = await back
        except TimeoutError:
            raise UnconfirmedError("its own record was not read back in time") from None
        finally:
            self.read_backs.forget(claim_id, back)
        self.clock.learn(read.timestamp, sent_at)
        return read.hold

    async def measure_clock(self, desk: str) -> None:
        """Learn the broker's time from a claim that changes nothing: a release of what nobody holds."""
        site_id = f"clock-{desk}"
        subject = Subject("clock", self.writer.partition_of(site_id), site_id, None)
        if self._reserved.is_old(subject.partition):
            return  # it would not be taken
        try:
            await self.claim(Operator(desk, is_supervisor=False, is_machine=True), subject, "RELEASE")
        except UnconfirmedError:
            _log.warning("the broker's time could not be asked for")

    async def log_event(self, event: DeskEvent) -> None:
        """Write an event, and wait until it is read back, if that takes not too long. Raises `UnconfirmedError`."""
        back = self.read_backs.expect(event.event_id)
        try:
            await self.writer.send(desk_log=event)
            async with asyncio.timeout(left(CONFIRM_SECONDS)):
                await back
        except TimeoutError:  # Kafka has it, so the answer is yes
            _log.warning("an event was not read back in time")
        finally:
            self.read_backs.forget(event.event_id, back)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside all else; a request's time is not its own."""
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
