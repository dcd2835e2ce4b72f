"""Who takes what: by records of `claims` alone, each answered once it was read back.

Before a desk refuses for a hold it reads the partition's `claims` and `desk-log` to the end.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, Final, NamedTuple

from edges.desk import rules
from edges.desk.broker_clock import BrokerClock
from edges.desk.claims import Hold
from edges.desk.deadline import HEAR_SECONDS, answered_within, left
from edges.desk.problems import HELD, NOT_HELD, OVER, STALE
from edges.desk.reader import STALE_SECONDS, DeskReader, NotReadError
from edges.desk.reserved import Reserved
from edges.desk.state import DeskState
from edges.desk.work import Item, WorkList
from edges.desk.writer import Writer
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.values import Claim, Decision, DeskEvent
from edges.web.problems import NOT_FOUND
from edges.web.values import write_instant
from service.logs import logger

_log = logger(__name__)

HOLD_SECONDS: Final = 60
_TAKES_NEXT_MS: Final = 30_000


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


class Holding:
    """Claims by the operators of one desk."""

    def __init__(
        self, state: DeskState, work: WorkList, reader: DeskReader, writer: Writer, clock: BrokerClock
    ) -> None:
        self.state = state
        self.work = work
        self.reader = reader
        self.writer = writer
        self.clock = clock
        self.reserved = Reserved(state, reader, clock)
        self._being_taken: list[tuple[str, Item]] = []  # by whom, of those whose next piece of work it is to be
        self._takes_next: dict[str, tuple[Operator, int]] = {}  # by the result that the engine decides on next
        self._tasks: set[asyncio.Task[None]] = set()

    # --- holding ----------------------------------------------------------------------------------

    async def take(self, operator: Operator, subject: str, *, over: bool = False) -> Hold:
        """Take what nobody holds, renew one's own, or take over. Raises HELD, OVER, STALE, NOT_FOUND."""
        claimed = self.subject(subject)
        partition = claimed.partition
        self.check_fresh(partition)
        hold = self.state.holder(partition, subject)
        is_there = subject in self.work.items or subject in self.state.callbacks
        if not is_there and (hold is None or hold.by != operator.name):
            raise OVER.error()
        is_others = hold is not None and hold.by != operator.name
        if (hold is None or is_others) and self.state.claims[partition].held_by(subject):
            await self.look_again(partition)
            if await self._was_answered(operator, claimed):  # without a claim, which would make the operator a holder
                raise OVER.error()
        if over and is_others:
            hold = await self._checked_take_over(operator, partition, subject)
            is_others = hold is not None and hold.by != operator.name
        kept = None if over and operator.is_supervisor else self._kept_from(operator, subject)
        if kept is not None and (hold is None or (over and is_others)):
            raise HELD.error(holder=holder_json(kept))
        return await self._take(operator, claimed, "TAKE_OVER" if over and is_others else "TAKE")

    async def release(self, operator: Operator, subject: str) -> Hold | None:
        """Let go of it, and return who holds it then. Raises HELD, NOT_FOUND, `UnconfirmedError`."""
        claimed = self.subject(subject)
        hold = self.state.holder(claimed.partition, subject)
        if hold is None or hold.by != operator.name:
            await self.be_sure(claimed.partition)
            hold = self.state.holder(claimed.partition, subject)
        if hold is None:
            return None
        if hold.by != operator.name:
            raise HELD.error(holder=holder_json(hold))
        return await self.claim(operator, claimed, "RELEASE")

    async def release_gone(self, hold: Hold, subject: Subject) -> None:
        """Release what is no more for its holder; that may fail, as a hold ends by itself."""
        holder = Operator(hold.by, is_supervisor=False, is_machine=hold.who == "ROBOT")
        try:
            await self.claim(holder, subject, "RELEASE")
        except UnconfirmedError:
            _log.warning("hold of ended work not released", incident=subject.incident_id)

    async def next(self, operator: Operator) -> Item | None:
        """Take the next piece of work; None: there is none. Raises STALE, `UnconfirmedError`."""
        tried: set[str] = set()

        def is_offered(item: Item) -> bool:
            return (
                item.subject not in tried
                and not self.is_stale(item.site_id)
                and self._kept_from(operator, item.subject) is None
            )

        while True:
            others = [item for name, item in self._being_taken if name != operator.name]
            item = self.work.next_for(operator.name, is_offered, others)
            if item is None:
                break
            if not left(CONFIRM_SECONDS):
                raise UnconfirmedError("others took each piece of work that was tried, and there is more")
            tried.add(item.subject)
            if (hold := await self._take_offered(operator, item)) is not None:
                return item._replace(holder=hold)
        is_waiting = any(item.is_free and self.is_stale(item.site_id) for item in self.work.items.values())
        if is_waiting or self.reader.unread or min(self.reader.ages()) > STALE_SECONDS:
            raise STALE.error()  # there may be work that nobody here can see
        return None

    async def _take_offered(self, operator: Operator, item: Item) -> Hold | None:
        """Take what is next; None: somebody else has it, or it was over. Raises STALE, `UnconfirmedError`."""
        partition = self.writer.partition_of(item.site_id)
        self.check_fresh(partition)
        subject = Subject(item.subject, partition, item.site_id, item.incident_id)
        has_held = self._has_held(operator, subject)
        self._being_taken.append((operator.name, item))
        try:
            if (item.holder is not None or has_held) and not await self._is_left_to(operator, subject):
                return None
            hold = await self.claim(operator, subject, "TAKE")
            if hold is None or hold.by != operator.name:
                return None
            if item.holder is None and await self._was_answered(operator, subject):
                await self._give_back(hold, subject, is_first=not has_held)
                return None
            return hold
        finally:
            self._being_taken.remove((operator.name, item))

    async def _is_left_to(self, operator: Operator, subject: Subject) -> bool:
        """Whether an operator may do what they hold or held: they may have released or answered it at another desk."""
        with answered_within(left(HEAR_SECONDS)), suppress(NotReadError):
            if await self.look_again(subject.partition):
                await self.reader.answers_to_the_end(subject.partition)
        return self.work.is_open_to(operator.name, subject.id)

    async def require_hold(self, operator: Operator, subject: Subject) -> Hold:
        """The operator's own hold. Raises HELD, NOT_HELD, `UnconfirmedError`."""
        partition = subject.partition
        hold = self.state.holder(partition, subject.id)
        if hold is None or hold.by != operator.name:
            await self.be_sure(partition)
            hold = self.state.holder(partition, subject.id)
        if hold is None and self.reserved.is_old(partition) and self._is_still_theirs(operator, subject):
            hold = await self.claim(operator, subject, "TAKE")  # where a view is old no hold can be renewed
        if hold is None:
            raise NOT_HELD.error()
        if hold.by != operator.name:
            raise HELD.error(holder=holder_json(hold))
        return hold

    async def require_held_once(self, operator: Operator, partition: int, subject: str) -> None:
        """Check that the operator holds it, or once did. Raises HELD, NOT_HELD, `UnconfirmedError`."""
        log = self.state.claims[partition]
        if operator.name in log.held_by(subject):
            return
        await self.be_sure(partition)
        if operator.name in log.held_by(subject):
            return
        hold = self.state.holder(partition, subject)
        raise NOT_HELD.error() if hold is None else HELD.error(holder=holder_json(hold))

    async def look_again(self, partition: int) -> bool:
        """Read `claims` and `desk-log` to their end; return False where Kafka does not say where that is."""
        try:
            await self.reader.to_the_end(partition)
        except NotReadError:
            _log.warning("a partition could not be read to its end", partition=partition)
            return False
        finally:
            self.state.monotonic = time.monotonic()
        return True

    async def be_sure(self, partition: int) -> None:
        """Read to the end before something is refused. Raises `UnconfirmedError`: nobody can say that it is so."""
        if not await self.look_again(partition):
            raise UnconfirmedError("a partition could not be read to its end")

    async def _checked_take_over(self, operator: Operator, partition: int, subject: str) -> Hold | None:
        """Check that a holder has been silent for long enough, or a supervisor asks. Raises HELD."""
        if operator.is_supervisor:
            return self.state.holder(partition, subject)
        await self.be_sure(partition)
        hold = self.state.holder(partition, subject)
        log = self.state.claims[partition]
        is_others = hold is not None and hold.by != operator.name
        if hold is not None and is_others and log.silent(hold, log.now(time.monotonic())) < rules.SILENT_MS:
            raise HELD.error(holder=holder_json(hold))
        return hold

    async def _take(self, operator: Operator, subject: Subject, action: str) -> Hold:
        """Claim, and return the operator's hold. Raises HELD, OVER, `UnconfirmedError`."""
        before = self.state.holder(subject.partition, subject.id)
        has_held = self._has_held(operator, subject)
        hold = await self.claim(operator, subject, action)
        if hold is None or hold.by != operator.name:
            raise HELD.error(holder=None if hold is None else holder_json(hold))
        is_new = before is None or before.by != operator.name
        if is_new and await self._was_answered(operator, subject):
            await self._give_back(hold, subject, is_first=not has_held)
            raise OVER.error()
        return hold

    async def _give_back(self, hold: Hold, subject: Subject, *, is_first: bool) -> None:
        """Release a call that was over before it was taken; who had no earlier hold on it may not answer it.

        Another desk knows nothing of the refusal: there their answer is a late one.
        """
        await self.release_gone(hold, subject)
        if is_first:
            self.state.claims[subject.partition].forget_hold(subject.id, hold.by)

    def _has_held(self, operator: Operator, subject: Subject) -> bool:
        return operator.name in self.state.claims[subject.partition].held_by(subject.id)

    def _is_still_theirs(self, operator: Operator, subject: Subject) -> bool:
        """Whether the last hold was the operator's and has run out, before they said what came of the call."""
        if self.state.claims[subject.partition].last_by(subject.id) != operator.name:
            return False
        command = self.state.command(subject.id)
        if command is not None:
            return not command[0].is_answered_by(subject.id, operator.name)
        return not rules.said_of(self.state.inbound, subject.id)

    async def _was_answered(self, operator: Operator, subject: Subject) -> bool:
        """Whether somebody who held a call before has answered it: their release may be read before their answer."""
        if {*self.state.claims[subject.partition].held_by(subject.id)} <= {operator.name}:
            return False
        try:
            await self.reader.answers_to_the_end(subject.partition)
        except NotReadError:
            return False
        command = self.state.command(subject.id)
        return command is not None and subject.id in command[0].answers

    async def claim(self, operator: Operator, subject: Subject, action: str) -> Hold | None:
        """Write a claim, and return who holds the subject once it was read back. Raises `UnconfirmedError`.

        After the broker's clock went back, the log still has holds whose seconds have passed. A `TAKE` loses against
        one of these; where its holder has not been heard of since either, it is taken over.
        """
        log = self.state.claims[subject.partition]
        free = self.state.holder(subject.partition, subject.id) is None
        over = log.holder(subject.id) if free and action == "TAKE" else None
        hold = await self._claim(operator, subject, action)
        if over is not None and log.holder(subject.id) is over:  # the very one: each record makes another
            hold = await self._claim(operator, subject, "TAKE_OVER")
        return hold

    async def _claim(self, operator: Operator, subject: Subject, action: str) -> Hold | None:
        claim_id = secrets.token_hex(12)
        by, who = operator.name, operator.who
        claim = Claim(claim_id, subject.site_id, subject.incident_id, subject.id, by, who, action, HOLD_SECONDS)
        back = self.reader.own.expect(claim_id)
        sent_at = self.clock.moment()
        try:
            await self.writer.send(claims=claim)
            async with asyncio.timeout(left(CONFIRM_SECONDS)):
                read = await back
        except TimeoutError:
            raise UnconfirmedError("its own record was not read back in time") from None
        finally:
            self.reader.own.forget(claim_id, back)
        self.clock.learn(read.timestamp, sent_at)
        return read.hold

    async def measure_clock(self, desk: str) -> None:
        """Learn the broker's time from a claim that changes nothing: a release of what nobody holds."""
        site_id = f"clock-{desk}"
        subject = Subject("clock", self.writer.partition_of(site_id), site_id, None)
        if self.reserved.is_old(subject.partition):
            return  # it would not be taken
        try:
            await self.claim(Operator(desk, is_supervisor=False, is_machine=True), subject, "RELEASE")
        except UnconfirmedError:
            _log.warning("the broker's time could not be asked for")

    async def log_event(self, event: DeskEvent) -> None:
        """Write an event, and wait until it is read back, if that takes not too long. Raises `UnconfirmedError`."""
        back = self.reader.own.expect(event.event_id)
        try:
            await self.writer.send(desk_log=event)
            async with asyncio.timeout(left(CONFIRM_SECONDS)):
                await back
        except TimeoutError:  # Kafka has it, so the answer is yes
            _log.warning("an event was not read back in time")
        finally:
            self.reader.own.forget(event.event_id, back)

    def subject(self, subject: str) -> Subject:
        """What a subject is and whose. Raises NOT_FOUND."""
        partition = self.state.partition_of(subject)
        if partition is None:
            raise NOT_FOUND.error()
        item = self.work.items.get(subject)
        if item is not None:
            return Subject(subject, partition, item.site_id, item.incident_id)
        command = self.state.command(subject)
        if command is not None:
            return Subject(subject, partition, command[1].site_id, command[0].id)
        state = self.state
        known = state.callbacks.get(subject) or state.attentions.get(subject) or state.undelivered.get(subject)
        if known is None:
            raise NOT_FOUND.error()
        return Subject(subject, partition, known.site_id, known.incident_id)

    # --- a view that stood still -------------------------------------------------------------------

    def check_fresh(self, partition: int) -> None:
        """Raise STALE where what is read of a partition is too old."""
        if self.reserved.is_old(partition):
            raise STALE.error()

    def is_stale(self, site_id: str) -> bool:
        """Whether what is read of a site's partition is too old."""
        return self.reserved.is_old(self.writer.partition_of(site_id))

    def _kept_from(self, operator: Operator, subject: str) -> Hold | None:
        """The hold of another whom a subject is kept for."""
        kept = self.reserved.of(subject)
        return None if kept is None or kept.by == operator.name else kept

    # --- the next command of an incident -------------------------------------------------------------

    def take_next_of(self, result_id: str, operator: Operator) -> None:
        """Have the command that the engine makes of a result taken for the operator who said it."""
        now = self.clock.now()
        self._takes_next = {known: kept for known, kept in self._takes_next.items() if kept[1] > now}
        self._takes_next[result_id] = (operator, now + _TAKES_NEXT_MS)

    def on_decision(self, decision: Decision) -> None:
        """Take what a decision on an operator's own answer commands next."""
        waiting = self._takes_next.pop(decision.input.id, None)
        if waiting is None or decision.incident_id is None:
            return
        operator, until = waiting
        if self.clock.now() > until:
            return
        partition = self.writer.partition_of(decision.site_id)
        for command_id in decision.outputs:
            if command_id.startswith(f"{decision.incident_id}-c") and not command_id.endswith("-cancel"):
                subject = Subject(command_id, partition, decision.site_id, decision.incident_id)
                self.begin(self._take_quietly(operator, subject))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside all else; a request's time is not its own."""
        task = asyncio.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_quietly(self, operator: Operator, subject: Subject) -> None:
        try:
            await self.claim(operator, subject, "TAKE")
        except UnconfirmedError:
            _log.warning("the next call could not be taken for its operator", incident=subject.incident_id)


def holder_json(hold: Hold) -> dict[str, Any]:
    """As the API shows it."""
    return {"by": hold.by, "since": write_instant(hold.since), "until": write_instant(hold.until)}
