"""The second stage: what a chunk's inputs and the deadlines due make of each partition, through the core.

Per partition, in the order of procedure.md §7: state records to be set aside, site records, the deadlines due,
the inputs. Of more deadlines than a chunk takes, those of a site go before its inputs, the others with the next chunks.
All of a partition's part of a chunk happens at one instant, its clock's. After an assignment the inputs that waited go
first, without deadlines.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from schemas.contract.topics import TOPICS, BrokerLog
from service.logs import logger, places
from streams.escalation import step as core
from streams.escalation.state import EMPTY, SiteState
from streams.escalation.values import (
    CallResult,
    Decision,
    DispatchReport,
    Output,
    Quarantined,
    SiteRecord,
    Source,
)
from streams.observe.responses import is_unanswered_call, response, silent_partner
from streams.pipeline.batch import OutputBatch
from streams.pipeline.decode import EventInput, Inbox, SiteInput
from streams.pipeline.records import RecordBuilder
from streams.runtime import faults
from streams.runtime.clock import AHEAD_MS, partition_time
from streams.state.overlay import PartitionOverlay, StateTooLargeError, StateUnusableError
from streams.state.partition import ArmedDeadline

if TYPE_CHECKING:
    from streams.escalation.input_context import Step
    from streams.formats.codec import Codec
    from streams.formats.message import Message
    from streams.formats.site_records import SiteRecords
    from streams.settings import Settings
    from streams.state.partition import Partition, Store

_log = logger(__name__)

# After so many steps the event loop may do something else: the pages answer while a large chunk is decided.
SLICE: Final = 500
# What breaks an objective is logged with its site, as a metric cannot.
LATE_SECONDS: Final = 5.0  # a deadline
SLOW_MS: Final = 30_000  # from an alert to its call
_FENCE_TOPIC: Final = "alerts"

_on_event = faults.around("core_input", core.on_event)
_on_site = faults.around("core_site", core.on_site)
_on_deadline = faults.around("core_deadline", core.on_deadline)
_on_failed_deadline = faults.around("core_failed_deadline", core.on_failed_deadline)


class MisplacedError(Exception):
    """An input found nothing, and lies on another partition than its key's."""


class Decider:
    """Decides chunks; keeps from one to the next which sites have become too large."""

    def __init__(self, store: Store, codec: Codec, site_records: SiteRecords, settings: Settings) -> None:
        self._store = store
        self._codec = codec
        self._site_records = site_records
        self._topics = {topic: settings.topic(topic) for topic in TOPICS}
        self._procedures = settings.procedures()
        self._chunk_max = settings.worker.chunk_max
        self._canary = settings.canary.site  # no customer waits for its calls, and no telephony places them
        self._measured: set[str] = set()  # sites whose state is measured at every step, not only at the end

    def decide(self, inboxes: dict[int, Inbox], caught_up: frozenset[int], batch: OutputBatch) -> Iterator[None]:
        """Fill ``batch``; yields from time to time, for others to have the thread.

        ``caught_up`` are the partitions of which this chunk has the last of the inputs that waited.
        """
        # All partitions share one transaction: after an outage each may have more deadlines due than that should hold.
        due = sum(partition.is_due() for partition in self._store.partitions.values())
        most = max(self._chunk_max // max(due, 1), 1)
        for number, partition in sorted(self._store.partitions.items()):
            is_renewal = partition.seconds_to_renew() == 0
            has_inputs = number in inboxes or number in caught_up
            if not has_inputs and not is_renewal and partition.seconds_to_wake() != 0:
                continue
            inbox = inboxes.get(number) or Inbox()
            for topic, offset in inbox.first_offsets.items():
                assert offset >= partition.next_inputs[topic], "an input that was handled is not read again"
            jumps = partition.clock.jumps
            now = partition.now()
            overlay = PartitionOverlay(partition, self._codec, self._site_records, now)
            ahead_ms = partition.clock.ahead_ms if abs(partition.clock.ahead_ms) >= AHEAD_MS else 0
            builder = RecordBuilder(self._codec, self._topics, number, now, ahead_ms)
            if partition.clock.jumps > jumps:
                _log.error(
                    "the wall clock jumped forward and is not followed: restart when it is right", partition=number
                )
                batch.tally.clock_jumps[number] += 1  # also where the partition is restored: its clock goes on
            try:
                yield from self._part(overlay, builder, inbox, most, is_caught_up=number in caught_up)
                must_restore = bool(overlay.unusable)
                if not must_restore:
                    builder.states(overlay.encode_changes())
            except StateTooLargeError as large:
                # Which input made it so shows when the partition's inputs are read again.
                _log.error("a state has become too large", site=large.site_id, partition=number, reason=str(large))
                self._measured.add(large.site_id)
                must_restore = True
            if must_restore:
                batch.unusable[number] = {**partition.unusable, **overlay.unusable}
                for site_id, (reason, _) in overlay.unusable.items():
                    _log.error("a state cannot be used", site=site_id, partition=number, reason=reason)
                    # Deadlines that were handed over fail, and count, again.
                    batch.tally.deadlines_failed += reason == "FAILED"
                continue
            for topic, count in inbox.taken.items():
                builder.tally.taken[topic, number] += count
            assert builder.tally.is_conserved(), "each input ends in exactly one way"
            batch.overlays.append(overlay)
            batch.records += builder.records
            batch.tally.add(builder.tally)
            overlay.handle(inbox.next_offsets)
            next_inputs = inbox.next_offsets or (_fence(partition) if builder.records else {})
            if is_renewal:
                next_inputs = {**partition.next_inputs, **inbox.next_offsets}
                partition.renewed_at = time.monotonic()
            for topic, offset in next_inputs.items():
                log = BrokerLog((self._topics[topic], number))
                batch.next_offsets.append((*log, offset))
                batch.notes[log] = partition.notes(topic, offset)

    def _part(
        self, overlay: PartitionOverlay, builder: RecordBuilder, inbox: Inbox, most: int, *, is_caught_up: bool
    ) -> Iterator[None]:
        """A partition's part of a chunk, about ``most`` deadlines with it; yields every so many steps.

        Where a state is unusable nothing counts. It goes on to find all that it touches: a restore for each could take
        hours.
        """
        partition = overlay.partition
        for state in partition.set_aside:
            builder.set_aside(state)
        for message, topic, cause in inbox.dead_letters:
            builder.dead_letter(message, topic, cause.reason, cause.error)
        overlay.reserve(site.site_id for site in inbox.sites)
        overlay.reserve(event.event.site_id for event in inbox.events)
        for number, site in enumerate(inbox.sites, start=1):
            try:
                self._site(overlay, builder, site)
            except StateUnusableError:
                continue
            overlay.release(site.site_id)
            if number % SLICE == 0:
                yield

        events = inbox.events
        if partition.waiting:
            waited = [event for event in events if event.message.offset() < partition.waiting.get(event.topic, 0)]
            yield from self._events(overlay, builder, waited)
            events = [event for event in events if event.message.offset() >= partition.waiting.get(event.topic, 0)]
            if is_caught_up:
                partition.waiting = {}
                builder.tally.log("info", "the inputs that waited have had their time", partition=partition.number)
        if not partition.waiting:
            yield from self._deadlines(overlay, builder, most)
        is_behind = not partition.waiting and partition.has_due(overlay.now)
        yield from self._events(overlay, builder, events, is_behind=is_behind)
        for number, site_id in enumerate(partition.forgettable(overlay.now, self._chunk_max), start=1):
            with suppress(StateUnusableError):
                overlay.load_for_expiry(site_id)
            if number % SLICE == 0:
                yield

    def _site(self, overlay: PartitionOverlay, builder: RecordBuilder, site_input: SiteInput) -> None:
        """A site record passes: it comes into force unless a later one is, and its readiness is published."""
        message, site_id, site = site_input
        offset = message.offset()
        known = overlay.site(site_id)
        is_older = known is not None and offset < known.offset
        state = EMPTY if is_older else overlay.state(site_id)
        decide = partial(_on_site, state, known, site, overlay.now)
        step = self._attempt(overlay, builder, site_id, site_id.encode(), decide, becomes=not is_older)
        if isinstance(step, Exception):
            self._failed(overlay, builder, message, "sites", site_id, step)
            overlay.fail_site(site_id, offset)
            return
        builder.tally.published["sites", overlay.partition.number] += 1
        if is_older:
            overlay.pass_older_site(site_id, offset, message.value())
        else:
            overlay.replace_site(site_id, None if site is None else SiteRecord(offset, site), message.value())

    def _events(
        self,
        overlay: PartitionOverlay,
        builder: RecordBuilder,
        events: Iterable[EventInput],
        *,
        is_behind: bool = False,
    ) -> Iterator[None]:
        """Inputs. ``is_behind``: more deadlines are due, and those of an input's site go before it."""
        for number, event in enumerate(events, start=1):
            try:
                if is_behind:
                    self._deadlines_of(overlay, builder, event.event.site_id)
                self._event(overlay, builder, event)
            except StateUnusableError:
                continue
            overlay.release(event.event.site_id)
            if number % SLICE == 0:
                yield

    def _event(self, overlay: PartitionOverlay, builder: RecordBuilder, event_input: EventInput) -> None:
        """An alert, result, report or action ends: decided, quarantined, or a dead letter."""
        message, topic, event = event_input
        site_id, number = event.site_id, overlay.partition.number
        state, record = overlay.state(site_id), overlay.site(site_id)
        key = cast("bytes", message.key())
        if builder.ahead_ms and isinstance(event, CallResult):
            sent_at = message.timestamp()[1]
            event = event._replace(ended_at=partition_time(event.ended_at, overlay.now, builder.ahead_ms, sent_at))
        source = Source(topic, number, message.offset())
        decide = partial(_on_event, state, record, event, source, overlay.now, self._procedures)
        step = self._attempt(overlay, builder, site_id, key, decide)
        if isinstance(step, Exception):
            self._failed(overlay, builder, message, topic, site_id, step)
            return
        if isinstance(step.outputs[0].value, Quarantined):
            builder.tally.quarantined[topic, number] += 1
        else:
            builder.tally.decided[topic, number] += 1
            if topic == "alerts" and step.outputs[0].topic == "calls" and site_id != self._canary:
                _count_call(overlay, builder, message, site_id)
            elif isinstance(event, CallResult) and site_id != self._canary:
                builder.tally.results[event.outcome] += 1
            elif isinstance(event, DispatchReport) and (answer := response(state, event, overlay.now)) is not None:
                builder.tally.reports[answer.partner, answer.status] += 1
                if answer.seconds is not None:
                    builder.tally.responses.append((answer.partner, answer.seconds))

    def _attempt(
        self,
        overlay: PartitionOverlay,
        builder: RecordBuilder,
        site_id: str,
        key: bytes,
        decide: Callable[[], Step],
        *,
        becomes: bool = True,
    ) -> Step | Exception:
        """Decide, encode, measure; then write, and change the site's state if it ``becomes`` the step's.

        Returns `MisplacedError`, or the error that the core or the codec raises: then nothing is written or changed.
        """
        try:
            step = decide()
            if _is_lost(step.outputs) and self._site_records.is_misplaced(key, overlay.partition.number):
                return MisplacedError(self._site_records.misplacement(key))
            records = builder.encode(step.outputs, key)
            if site_id in self._measured:
                overlay.measure(site_id, step.state)
        except Exception as error:  # noqa: BLE001  # the core may raise anything; the rest goes on
            return error
        builder.write(step.outputs, records)
        if becomes:
            overlay.become(site_id, step.state)
        return step

    def _deadlines(self, overlay: PartitionOverlay, builder: RecordBuilder, most: int) -> Iterator[None]:
        """The deadlines due, ``most`` of them, in their order; those that were overtaken are dropped."""
        fired = 0
        while fired != most and (armed := overlay.partition.due(overlay.now)) is not None:
            if armed.site_id in overlay.unusable:
                continue
            try:
                if not overlay.is_armed(armed):
                    continue
                self._fire(overlay, builder, armed)
            except StateUnusableError:
                continue
            overlay.encode_if_last(armed.site_id)
            fired += 1
            if fired % SLICE == 0:
                yield

    def _deadlines_of(self, overlay: PartitionOverlay, builder: RecordBuilder, site_id: str) -> None:
        """The deadlines of a site that are due, in their order; the partition finds them overtaken later."""
        if site_id in overlay.unusable:
            return
        for deadline in sorted(overlay.state(site_id).deadlines()):
            armed = ArmedDeadline(*deadline, site_id)
            if deadline.at <= overlay.now and overlay.is_armed(armed):
                self._fire(overlay, builder, armed)

    def _fire(self, overlay: PartitionOverlay, builder: RecordBuilder, armed: ArmedDeadline) -> None:
        site_id = armed.site_id
        state, record = overlay.state(site_id), overlay.site(site_id)
        key, armed_for = site_id.encode(), (site_id, state, record, armed.deadline, overlay.now)
        step = self._attempt(overlay, builder, site_id, key, partial(_on_deadline, *armed_for))
        if isinstance(step, Exception):
            builder.tally.deadlines_failed += 1
            _log.error(
                "the core failed on a deadline", site=site_id, incident=armed.incident_id,
                partition=overlay.partition.number, error=places(step),
            )  # fmt: skip
            step = self._attempt(overlay, builder, site_id, key, partial(_on_failed_deadline, *armed_for))
            if isinstance(step, Exception):
                raise overlay.unusable_state(site_id, "FAILED", _traceback(step)) from step
        _count_deadline(overlay, builder, state, armed, self._canary)

    def _failed(
        self,
        overlay: PartitionOverlay,
        builder: RecordBuilder,
        message: Message,
        topic: str,
        site_id: str,
        error: Exception,
    ) -> None:
        """Make a dead letter of an input; its site is as if it had not come."""
        if isinstance(error, MisplacedError):
            builder.dead_letter(message, topic, "WRONG_PARTITION", str(error))
            return
        _log.error(
            "the core failed on an input", site=site_id, topic=topic, partition=overlay.partition.number,
            offset=message.offset(), error=places(error),
        )  # fmt: skip
        builder.dead_letter(message, topic, "FAILED", _traceback(error))


def _count_deadline(
    overlay: PartitionOverlay, builder: RecordBuilder, state: SiteState, armed: ArmedDeadline, canary: str | None
) -> None:
    """Count a deadline that was handled, by the state before it."""
    tally, seconds = builder.tally, (overlay.now - armed.at) / 1000
    tally.lateness.append(seconds)
    if armed.site_id != canary and is_unanswered_call(state, armed.deadline):
        tally.unanswered_calls += 1
    elif (partner := silent_partner(state, armed.deadline)) is not None:
        tally.silences[partner] += 1
    if seconds > LATE_SECONDS:
        tally.log(
            "warning", "a deadline was late", site=armed.site_id, incident=armed.incident_id,
            partition=overlay.partition.number, seconds=seconds,
        )  # fmt: skip


def _count_call(overlay: PartitionOverlay, builder: RecordBuilder, message: Message, site_id: str) -> None:
    """Count an alert that gave a call."""
    tally, put_at = builder.tally, message.timestamp()[1]
    if put_at <= 0:  # a producer without a clock: since 1970 is no latency
        return
    tally.calling_alerts.append(put_at)
    if overlay.now - put_at > SLOW_MS:
        tally.log(
            "warning", "an alert waited long for its call", site=site_id, partition=overlay.partition.number,
            offset=message.offset(), seconds=(overlay.now - put_at) / 1000,
        )  # fmt: skip


def _is_lost(outputs: list[Output]) -> bool:
    """Whether an input found nothing: it may lie where its site is not."""
    value = outputs[-1].value
    return (isinstance(value, Decision) and value.rule == "NO_OPEN_INCIDENT") or (
        isinstance(value, Quarantined) and value.reason == "UNKNOWN_SITE"
    )


def _traceback(error: Exception) -> str:
    """The traceback, for a dead letter, which has all of the record anyway."""
    return "".join(traceback.format_exception(error))


def _fence(partition: Partition) -> Mapping[str, int]:
    """The offset to commit with records of a partition of which the chunk has no input, as when deadlines fired.

    A committed offset is what the group refuses once it has gone on without this worker, and what the next holder's
    restore waits for. Without one, a transaction that a frozen broker finishes late would come true behind the back
    of that restore, and its decisions would be made twice.
    """
    return {_FENCE_TOPIC: partition.next_inputs[_FENCE_TOPIC]}
