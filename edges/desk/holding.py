"""Who takes what: by records of `claims` alone, each answered once it was read back.

Before a desk refuses for a hold it reads the partition's `claims` and `desk-log` to the end.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from edges.desk import rules
from edges.desk.claims import Hold
from edges.desk.deadline import HEAR_SECONDS, answered_within, left
from edges.desk.own_records import Operator, OwnRecords, Subject
from edges.desk.problems import HELD, NOT_HELD, OVER, STALE
from edges.desk.reader import STALE_SECONDS, DeskReader, NotReadError
from edges.desk.reserved import Reserved
from edges.desk.state import DeskState
from edges.desk.work import Item, WorkList
from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.web.problems import NOT_FOUND
from edges.web.values import write_instant
from service.logs import logger

_log = logger(__name__)


class Holding:
    """Claims by the operators of one desk."""

    def __init__(
        self, state: DeskState, work: WorkList, reader: DeskReader, own: OwnRecords, reserved: Reserved
    ) -> None:
        self.state = state
        self.work = work
        self.reader = reader
        self._own = own
        self._reserved = reserved
        self._being_taken: list[tuple[str, Item]] = []  # by whom, of those whose next piece of work it is to be

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
        return await self._own.claim(operator, claimed, "RELEASE")

    async def release_gone(self, hold: Hold, subject: Subject) -> None:
        """Release what is no more for its holder; that may fail, as a hold ends by itself."""
        holder = Operator(hold.by, is_supervisor=False, is_machine=hold.who == "ROBOT")
        try:
            await self._own.claim(holder, subject, "RELEASE")
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
        partition = self.partition_of(item.site_id)
        self.check_fresh(partition)
        subject = Subject(item.subject, partition, item.site_id, item.incident_id)
        has_held = self._has_held(operator, subject)
        self._being_taken.append((operator.name, item))
        try:
            if (item.holder is not None or has_held) and not await self._is_left_to(operator, subject):
                return None
            hold = await self._own.claim(operator, subject, "TAKE")
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
        if hold is None and self._reserved.is_old(partition) and self._is_still_theirs(operator, subject):
            hold = await self._own.claim(operator, subject, "TAKE")  # where a view is old no hold can be renewed
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
        hold = await self._own.claim(operator, subject, action)
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

    def partition_of(self, site_id: str) -> int:
        """The partition of a site."""
        return self._own.writer.partition_of(site_id)

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
        if self._reserved.is_old(partition):
            raise STALE.error()

    def is_stale(self, site_id: str) -> bool:
        """Whether what is read of a site's partition is too old."""
        return self._reserved.is_old(self.partition_of(site_id))

    def _kept_from(self, operator: Operator, subject: str) -> Hold | None:
        """The hold of another whom a subject is kept for."""
        kept = self._reserved.of(subject)
        return None if kept is None or kept.by == operator.name else kept


def holder_json(hold: Hold) -> dict[str, Any]:
    """As the API shows it."""
    return {"by": hold.by, "since": write_instant(hold.since), "until": write_instant(hold.until)}
