"""Calls: the word that was spoken, and what came of them; outbound by command, inbound as callbacks.

The word for threat is the answer: `DURESS_CODE` is written before anybody reads that the word was right.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from prometheus_client import Counter

from edges.desk import rules
from edges.desk.deadline import HEAR_SECONDS, answered_within, left, uncounted
from edges.desk.holding import Holding
from edges.desk.incident import Incident
from edges.desk.next_calls import NextCalls
from edges.desk.own_records import Operator, OwnRecords, Subject
from edges.desk.problems import (
    DURESS,
    EXPIRED,
    NO_CONTACT,
    NO_TRIES_LEFT,
    NOT_VERIFIED,
    TOO_MANY_WRONG_WORDS,
    UNREADABLE_HASH,
)
from edges.desk.reader import NotReadError
from edges.desk.records import Records
from edges.desk.spoken_words import UnreadableHashError, Words
from edges.desk.standing import Callback
from edges.desk.state import CALLBACK
from edges.desk.tries import TRIES, WRONG_WORDS
from edges.desk.unanswered import UnansweredTries
from edges.kafka.errors import UnconfirmedError
from edges.values import CallCommand, CallResult, Contact, DeskEvent
from edges.web.problems import NOT_FOUND, Problem
from schemas.contract.content_ids import digest, result_id
from service.logs import logger

_log = logger(__name__)


class WordAnswer(NamedTuple):
    """What is said of a word; one for threat looks right."""

    right: bool
    duress: bool
    tries_left: int


class CallOutcome(NamedTuple):
    """What came of a call, as the operator says it; ``at`` in Unix milliseconds."""

    outcome: str
    situation: str
    message_left: bool
    detail: str | None
    at: int


_UNDER_THREAT: Final = CallOutcome("DURESS_CODE", "UNKNOWN", False, None, 0)


class Calls:
    """Words and results, for one desk."""

    def __init__(
        self,
        holding: Holding,
        own: OwnRecords,
        next_calls: NextCalls,
        records: Records,
        words: Words,
        judged: Counter,
    ) -> None:
        """``judged``: counts words by their verdict."""
        self._holding = holding
        self._own = own
        self._next_calls = next_calls
        self._writer = own.writer
        self._clock = own.clock
        self._state = holding.state
        self._records = records
        self._words = words
        self._judged = judged
        self._unanswered = UnansweredTries(holding.state, own)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # one word of a call at a time

    # --- words ------------------------------------------------------------------------------------

    async def word(self, operator: Operator, command_id: str, word: str) -> WordAnswer:
        """Judge the word of the contact whom a command calls; the holder only."""
        incident, call = self._command(command_id)
        subject = Subject(command_id, incident.partition, call.site_id, incident.id)
        async with self._turns.setdefault(command_id, asyncio.Lock()):
            await self._check_may_try(operator, subject, word)
            contact = await self._records.contact(incident, call.site_id, call.contact_id, call.phone)
            result = _result(operator, subject, command_id, call.contact_id, "OUTBOUND", self._under_threat())
            return await self._try(operator, subject, contact, word, result)

    async def callback_word(self, operator: Operator, site_id: str, callback_id: str, word: str) -> WordAnswer:
        """Judge the word of a caller; the holder only."""
        callback, subject = await self._callback(site_id, callback_id)
        async with self._turns.setdefault(callback_id, asyncio.Lock()):
            await self._check_may_try(operator, subject, word)
            incident = self._state.incidents.get(callback.incident_id or "")
            if callback.contact_id is None:
                raise NO_CONTACT.error()
            contact = await self._records.contact(incident, site_id, callback.contact_id)
            if contact is None:
                raise NO_CONTACT.error()
            result = _result(operator, subject, None, callback.contact_id, "INBOUND", self._under_threat())
            return await self._try(operator, subject, contact, word, result)

    async def _check_may_try(self, operator: Operator, subject: Subject, word: str) -> None:
        """Raise what keeps the operator from trying a word, once the log says so to its end."""
        try:
            await self._holding.require_hold(operator, subject)
        except Problem:
            if not self._was_let_go(operator, subject):
                raise
        if self._unanswered.event(operator, subject, word) is not None:
            return  # said again: the log says, or will, what it counts as
        if self._has_tried_enough(operator, subject):
            await self._holding.be_sure(subject.partition)
        if len(self._state.tries.get(subject.id, ())) >= TRIES:
            raise NO_TRIES_LEFT.error()
        if self._has_tried_enough(operator, subject):
            raise TOO_MANY_WRONG_WORDS.error()

    def _was_let_go(self, operator: Operator, subject: Subject) -> bool:
        """Whether the word for threat ended this operator's hold: what they go on to try is judged as ever."""
        if self._state.holder(subject.partition, subject.id) is not None:
            return False
        is_theirs = operator.name in self._state.claims[subject.partition].held_by(subject.id)
        return is_theirs and "DURESS" in self._state.tries.get(subject.id, ())

    def _has_tried_enough(self, operator: Operator, subject: Subject) -> bool:
        wrong = self._state.wrong_words(subject.site_id, self._clock.now())
        is_site_spent = wrong >= WRONG_WORDS and not operator.is_supervisor
        return is_site_spent or len(self._state.tries.get(subject.id, ())) >= TRIES

    async def _try(
        self, operator: Operator, subject: Subject, contact: Contact | None, word: str, if_duress: CallResult
    ) -> WordAnswer:
        hashes = (None, None) if contact is None else (contact.password_hash, contact.duress_hash)
        try:
            with uncounted():  # where processors are busy, hashing alone takes longer than Kafka may
                verdict = await self._words.judge(word, *hashes)
        except UnreadableHashError:
            raise UNREADABLE_HASH.error() from None
        self._judged.labels(verdict).inc()
        number = len(self._state.tries.get(subject.id, ())) + 1
        event = self._unanswered.event(operator, subject, word)
        if event is None or event.detail != verdict:  # the contact's words may have changed since
            event = DeskEvent(
                f"{subject.id}-word-{number}-{secrets.token_hex(4)}",
                subject.site_id,
                subject.incident_id,
                operator.name,
                "WORD_TRIED",
                subject.id,
                verdict,
                self._clock.now(),
            )
        if verdict == "DURESS" and not self._was_said(if_duress):
            # First, and alone: where this is not confirmed no try is spent, and the same word again writes it.
            await self._writer.send_once(call_results=if_duress)
        read = await self._unanswered.write(operator, subject, word, event)
        number = number if read is None else read.tries  # the log decides, where two desks judged side by side
        if number > TRIES and verdict != "DURESS":
            raise NO_TRIES_LEFT.error()
        before = 0 if read is None else read.wrong - (verdict == "WRONG")
        if before >= WRONG_WORDS and verdict != "DURESS" and not operator.is_supervisor:
            raise TOO_MANY_WRONG_WORDS.error()
        if verdict == "DURESS":  # beside the reply, which takes no longer than that of a right word
            self._own.begin(self._let_go(operator, subject))
        return WordAnswer(verdict != "WRONG", verdict == "DURESS", max(0, TRIES - number))

    def _under_threat(self) -> CallOutcome:
        return _UNDER_THREAT._replace(at=self._clock.now())

    # --- results ----------------------------------------------------------------------------------

    async def result(self, operator: Operator, command_id: str, said: CallOutcome) -> tuple[str, bool]:
        """Say what came of a command; return the result's id, and whether it comes late."""
        incident, call = self._command(command_id)
        subject = Subject(command_id, incident.partition, call.site_id, incident.id)
        await self._holding.require_held_once(operator, subject.partition, command_id)
        result = _result(operator, subject, command_id, call.contact_id, "OUTBOUND", said)
        if not self._was_said(result):
            await self.hear_answers(subject.partition)
            await self._check_verified(operator, subject, result)
        late = rules.is_late(incident, call, result.result_id, self._clock.now())
        if late and said.outcome == "NO_ANSWER" and not self._was_said(result):
            raise EXPIRED.error()
        holder = self._state.holder(subject.partition, command_id)
        if not late and (holder is None or holder.by == operator.name):
            self._next_calls.take_next_of(result.result_id, operator)
        if not self._was_said(result):
            await self._writer.send_once(call_results=result)
        await self._let_go(operator, subject)
        return result.result_id, late

    async def callback_result(
        self, operator: Operator, site_id: str, callback_id: str, said: CallOutcome
    ) -> tuple[str, bool]:
        """Say what came of an inbound call; it is late after 15 minutes."""
        callback, subject = await self._callback(site_id, callback_id)
        await self._holding.require_held_once(operator, subject.partition, callback_id)
        result = _result(operator, subject, None, callback.contact_id, "INBOUND", said)
        if not self._was_said(result):
            await self.hear_answers(subject.partition)
            await self._check_verified(operator, subject, result)
        said_at, _ = self._state.inbound.get(result.result_id, (self._clock.now(), None))
        late = said_at > callback.at + rules.CALLBACK_MS
        if not self._was_said(result):
            if late and said.outcome == "NO_ANSWER":
                raise EXPIRED.error()
            await self._writer.send_once(call_results=result)
        await self._let_go(operator, subject)
        return result.result_id, late

    def _was_said(self, result: CallResult) -> bool:
        """Whether this very result is in the log: then a second one would be news, once its incident has ended."""
        if result.command_id is None:
            return result.result_id in self._state.inbound
        incident = self._state.incidents.get(result.incident_id or "")
        return incident is not None and rules.was_said(incident, result.command_id, result.result_id)

    async def hear_answers(self, partition: int) -> None:
        """Read the answers to their end: one that was given a moment ago, at another desk too, makes this one late.

        Where they cannot be read it may be said to be in time; the engine knows better.
        """
        try:
            with answered_within(left(HEAR_SECONDS)):
                await self._holding.reader.answers_to_the_end(partition)
        except NotReadError:
            _log.warning("answers could not be read to their end", partition=partition)

    def _was_threatened(self, subject: Subject, result: CallResult) -> bool:
        """Whether an answer of the call is that somebody is under threat; the try of such a word may be lost."""
        if result.command_id is None:
            return "DURESS_CODE" in rules.said_of(self._state.inbound, subject.id)
        incident = self._state.incidents.get(result.incident_id or "")
        return incident is not None and any(
            answer.outcome == "DURESS_CODE" for answer in incident.answers.get(result.command_id, ())
        )

    async def _check_verified(self, operator: Operator, subject: Subject, result: CallResult) -> None:
        """Raise DURESS or NOT_VERIFIED, once the log says so to its end.

        Where it cannot be read, what is known allows a result: it is taken whenever Kafka acknowledges.
        """
        is_sure = await self._holding.look_again(subject.partition)
        tries = self._state.tries.get(subject.id, ())
        if result.outcome != "DURESS_CODE" and ("DURESS" in tries or self._was_threatened(subject, result)):
            raise DURESS.error()
        if not rules.is_verified(result.outcome, tries[:TRIES], is_supervisor=operator.is_supervisor):
            if not is_sure:
                raise UnconfirmedError("the words that were tried could not be read")
            raise NOT_VERIFIED.error()

    async def _let_go(self, operator: Operator, subject: Subject) -> None:
        """Release what is answered; that may fail, as a hold ends by itself."""
        hold = self._state.holder(subject.partition, subject.id)
        if hold is None or hold.by != operator.name:
            return
        await self._holding.release_gone(hold, subject)

    # --- callbacks --------------------------------------------------------------------------------

    async def begin_callback(
        self, operator: Operator, site_id: str, incident_id: str | None, contact_id: str | None, key: str
    ) -> str:
        """Take an inbound call; return its id, the same for the same key. Raises NOT_FOUND."""
        callback_id = f"{digest(site_id)}{CALLBACK}{digest(operator.name, key)}"
        subject = Subject(callback_id, self._writer.partition_of(site_id), site_id, incident_id)
        if callback_id in self._state.callbacks:
            if operator.name not in self._state.claims[subject.partition].held_by(callback_id):
                await self._own.claim(operator, subject, "TAKE")  # it was not confirmed the first time
            return callback_id
        if incident_id is not None:
            incident = self._state.incidents.get(incident_id)
            if incident is None or incident.site_id != site_id:
                raise NOT_FOUND.error()
        elif await self._records.site(site_id) is None and not any(self._state.open_incidents(site_id)):
            raise NOT_FOUND.error()
        now = self._clock.now()
        await self._own.log_event(
            DeskEvent(callback_id, site_id, incident_id, operator.name, "CALL_PLACED", callback_id, contact_id, now)
        )
        await self._own.claim(operator, subject, "TAKE")
        return callback_id

    # --- what is meant ----------------------------------------------------------------------------

    def _command(self, command_id: str) -> tuple[Incident, CallCommand]:
        command = self._state.command(command_id)
        if command is None:
            raise NOT_FOUND.error()
        return command

    async def _callback(self, site_id: str, callback_id: str) -> tuple[Callback, Subject]:
        partition = self._writer.partition_of(site_id)
        if callback_id not in self._state.callbacks:  # another desk may have begun it just now
            await self._holding.be_sure(partition)
        callback = self._state.callbacks.get(callback_id)
        if callback is None or callback.site_id != site_id:
            raise NOT_FOUND.error()
        return callback, Subject(callback_id, partition, site_id, callback.incident_id)


def _id(subject: Subject, said: CallOutcome) -> str:
    return result_id(subject.id, said.outcome, said.situation, said.detail, message_left=said.message_left)


def _result(
    operator: Operator,
    subject: Subject,
    command_id: str | None,
    contact_id: str | None,
    direction: str,
    said: CallOutcome,
) -> CallResult:
    return CallResult(
        result_id=_id(subject, said),
        site_id=subject.site_id,
        incident_id=subject.incident_id,
        command_id=command_id,
        contact_id=contact_id,
        direction=direction,
        outcome=said.outcome,
        situation=said.situation,
        message_left=said.message_left,
        detail=said.detail,
        operator=operator.name,
        ended_at=said.at,
    )
