"""`Intake`: a frame is judged, its signals are written, its alerts are written, and only then it is answered.

A signal is

* judged, and waits for room in its partition (`edges.receiver.partition_capacity`);
* queued where earlier frames of its account may change it (`edges.receiver.account_queues`), then judged again;
* pending from when it is written, if it is of a first copy (`edges.receiver.signal_log`);
* acknowledged; or unconfirmed: no answer, and in doubt if Kafka's client has it still (`edges.receiver.repeats`);
* read back, or no longer waited for: now its alerts are written;
* answered, once Kafka has acknowledged them.

A first copy's alerts wait until its signals are read back: then all that stands before them in their partition is read
too, and nothing else proves that no other receiver wrote a copy first. While they are not, frames of the same identity
wait: two first copies of one frame would be two alarms. No later frame of an account overtakes one that waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from edges.kafka.errors import UnconfirmedError
from edges.receiver import faults
from edges.receiver.account_queues import AccountQueues
from edges.receiver.distinct_times import DistinctTimes
from edges.receiver.future_timeouts import FutureTimeouts
from edges.receiver.judging import SilenceReason
from edges.receiver.metrics import FrameOutcome
from edges.receiver.panel_clocks import PanelClocks
from edges.receiver.repeats import Copy

if TYPE_CHECKING:
    from edges.receiver.addresses import Addresses
    from edges.receiver.framing import CheckedFrame, FrameDefect
    from edges.receiver.judging import Judge, Verdict
    from edges.receiver.metrics import ReceiverMetrics
    from edges.receiver.partition_capacity import PartitionCapacity, Pausable
    from edges.receiver.repeats import Identity
    from edges.receiver.signal_log import PendingSignal, SignalLog
    from edges.values import Alert, Signal

ANSWER_SECONDS: Final = 3.0  # after receipt; later a panel gets nothing, and sends again
# Alerts wait so long for their signals to be read back. A reader that begins to hang must not hold an alarm up.
READ_BACK_SECONDS: Final = 1.0
# But behind an outage a reader is back later than those who write, and what other receivers wrote in it is not known
# yet. Then alerts wait longer. Two things show one: that the reader was lately behind in the alert's partition, also to
# a receiver that wrote nothing; and that a write of this process was slow, in any partition: a short one, as a leader's
# fail-over, leaves the reader young: its position is where the log ended.
OUTAGE_SECONDS: Final = 10.0
_SLOW_SECONDS: Final = 1.0
_FRAMES: Final = 4096


class Arrival(NamedTuple):
    """When and from where a frame came.

    Attributes:
        at: Unix milliseconds.
        since: the same instant on the monotonic clock, which is the loop's, in seconds.

    """

    at: int
    since: float
    address: str


class Publisher(Protocol):
    """Puts records into Kafka; each call returns once Kafka has acknowledged them, or raises `UnconfirmedError`."""

    async def signals(self, signals: Sequence[Signal]) -> None:
        """Write to `signals`."""

    async def alerts(self, alerts: Sequence[Alert]) -> None:
        """Write to `alerts`."""

    def partition_of(self, key: str) -> int:
        """The partition of a record's key, in both topics."""

    @property
    def is_acknowledging(self) -> bool:
        """Whether Kafka has acknowledged something within 3 s."""


class SilentError(Exception):
    """A frame gets no answer."""

    def __init__(self, reason: SilenceReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Intake:
    """Takes the frames of all connections and datagrams.

    Attributes:
        panel_clocks: what they say of their panels' clocks.

    """

    def __init__(
        self,
        judge: Judge,
        log: SignalLog,
        publisher: Publisher,
        capacity: PartitionCapacity,
        addresses: Addresses,
        metrics: ReceiverMetrics,
        since_behind: Callable[[str], float],
    ) -> None:
        """``since_behind``: for how many seconds the reader of `signals` has not been behind in a key's partition."""
        self._judge = judge
        self._log = log
        self._publisher = publisher
        self._capacity = capacity
        self._addresses = addresses
        self._metrics = metrics
        self._since_behind = since_behind
        self._timeouts = FutureTimeouts(READ_BACK_SECONDS)
        self._slow_at = float("-inf")  # when signals were last acknowledged late, or not in time; monotonic
        self._times = DistinctTimes(_FRAMES)  # by account, number and body of a frame
        self._pending: dict[str, dict[Identity, PendingSignal]] = {}
        self._queues = AccountQueues()
        self.panel_clocks = PanelClocks()

    def answer_to_defect(self, defect: FrameDefect, arrival: Arrival) -> bytes | None:
        """The answer to bytes that are no frame."""
        self._metrics.flaws[defect.reason].inc()
        return self._judge.judge_defect(defect, arrival.at)

    async def answer_to(self, checked: CheckedFrame, arrival: Arrival, connection: Pausable) -> bytes | None:
        """The answer to a frame, once it may be sent; None: silence, which is counted."""
        answer = None
        try:
            outcome, answer = await self._process(checked, arrival, connection)
        except SilentError as silent:
            outcome = FrameOutcome.SILENT
            self._metrics.silenced[silent.reason].inc()
        self._metrics.frames[outcome].inc()
        return answer

    async def _process(
        self, checked: CheckedFrame, arrival: Arrival, connection: Pausable
    ) -> tuple[FrameOutcome, bytes | None]:
        """What became of a frame, and its answer. Raises `SilentError`."""
        until = arrival.since + ANSWER_SECONDS
        _check_age(until)
        admits_strange = partial(self._addresses.admits_strange, arrival.address, arrival.since)
        verdict = self._judge.judge(checked, arrival.at, admits_strange)
        for tolerance in verdict.tolerances:
            self._metrics.tolerated[tolerance].inc()
        if verdict.clock is not None:
            self.panel_clocks.hear(verdict.clock)
        if verdict.silence is not None:
            raise SilentError(verdict.silence)
        if verdict.is_late:
            return FrameOutcome.WRONG_TIME, verdict.answer
        if verdict.is_link_test:
            if not self._publisher.is_acknowledging:
                raise SilentError(SilenceReason.KAFKA_SILENT)
            return FrameOutcome.LINK_TEST, verdict.answer
        try:
            partition, events = self._publisher.partition_of(verdict.signals[0].key), len(verdict.signals)
            has_waited = await self._capacity.acquire(partition, events, until, connection)
            try:
                if has_waited:  # another copy may have come meanwhile
                    verdict = _with_signals(self._judge.judge(checked, arrival.at))
                verdict = await self._judge_in_order(verdict, checked, arrival, until)
                await self._write_records(verdict)
            finally:
                self._capacity.release(partition, events)
        except TimeoutError:
            raise SilentError(SilenceReason.NO_ROOM) from None
        except UnconfirmedError:
            raise SilentError(SilenceReason.UNCONFIRMED) from None
        self._metrics.answer_seconds.observe(time.monotonic() - arrival.since)
        _check_age(until)
        return _outcome(verdict), verdict.answer

    async def _judge_in_order(self, verdict: Verdict, checked: CheckedFrame, arrival: Arrival, until: float) -> Verdict:
        """The verdict once no earlier frame of the account can change it; `_write_records` begins at once.

        Raises TimeoutError, and `SilentError` where the account's record changed meanwhile and nothing is to be kept.
        """
        identity = verdict.identity
        if identity is not None:
            pending = self._pending.get(identity.account, ())
            must_wait = identity in pending or (verdict.copy is not None and len(pending) > 0)
            if must_wait or identity.account in self._queues:
                # A reader that hangs holds up what waits for it, and no new alarm behind that.
                patience = ANSWER_SECONDS if must_wait else READ_BACK_SECONDS
                async with self._queues.wait_turn(identity.account, arrival.since + patience):
                    verdict = await self._await_earlier_frames(checked, arrival, until)
        at = self._times.at(verdict.signals[0].frame_id, arrival.at)
        return verdict if at == arrival.at else _with_signals(self._judge.judge(checked, at))

    async def _await_earlier_frames(self, checked: CheckedFrame, arrival: Arrival, until: float) -> Verdict:
        """The verdict once no pending signal of the account can change it. Raises as `_judge_in_order` does."""
        verdict, is_behind_others = _with_signals(self._judge.judge(checked, arrival.at)), False
        while (identity := verdict.identity) is not None:
            pending = self._pending.get(identity.account)
            if not pending:
                break
            if identity in pending:
                awaited = [pending[identity]]
            elif verdict.copy is None or is_behind_others:
                break
            else:
                awaited, is_behind_others = list(pending.values()), True
            async with asyncio.timeout_at(until):
                # The last one ends last, as a rule: then there is no other to wait for.
                for earlier in reversed(awaited):
                    if not earlier.is_over:
                        await earlier.ended()
            verdict = _with_signals(self._judge.judge(checked, arrival.at))
        return verdict

    async def _write_records(self, verdict: Verdict) -> None:
        """Have signals and alerts acknowledged. Raises `UnconfirmedError`."""
        faults.at("before_signals")
        identity, copy = verdict.identity, verdict.copy
        if identity is None or (copy is not None and not copy.is_in_doubt):
            await self._write_signals(verdict.signals)
        else:
            copy = await self._write_first_copy(verdict, identity)
        faults.at("after_signals")
        if copy is None or not verdict.has_alerts:
            return
        if copy.has_alerts_acknowledged and copy.events.keys() >= verdict.events.keys():
            return
        faults.at("before_alerts")
        await self._publisher.alerts(self._judge.alerts(verdict, copy))
        copy.has_alerts_acknowledged = True
        faults.at("after_alerts")

    async def _write_first_copy(self, verdict: Verdict, identity: Identity) -> Copy | None:
        """Write the signals of a first copy, or of a repeat of one that is not read yet.

        Gives what the log has as the first copy, None where it needs none.
        """
        last = verdict.signals[-1].signal_id
        assert identity not in self._pending.get(identity.account, ()), "two first copies under way"
        pending = self._log.read_back(last, partial(self._remove_pending, identity))
        self._pending.setdefault(identity.account, {})[identity] = pending
        begun = time.monotonic()
        try:
            await self._write_signals(verdict.signals)
        except BaseException as error:
            if isinstance(error, UnconfirmedError) and error.is_under_way and not pending.is_over:
                self._log.doubt(verdict.signals)
            self._log.give_up(last)
            raise
        if not verdict.has_alerts:
            return None
        if not pending.is_over:
            await self._timeouts.wait(pending.ended())
        while not pending.is_over and time.monotonic() < begun + OUTAGE_SECONDS and self._is_behind_outage(verdict):
            await self._timeouts.wait(pending.ended())
        if pending.copy is not None:
            return pending.copy
        self._metrics.not_read_back.inc()
        signal = verdict.signals[0]
        assert signal.site_id is not None
        assert signal.raised_at is not None
        return Copy(signal.site_id, signal.raised_at, signal.received_at, dict(verdict.events))

    async def _write_signals(self, signals: Sequence[Signal]) -> None:
        """Write signals, and note whether that was slow. Raises `UnconfirmedError`."""
        begun = time.monotonic()
        try:
            await self._publisher.signals(signals)
        except UnconfirmedError:
            self._slow_at = time.monotonic()
            raise
        ended = time.monotonic()
        if ended - begun > _SLOW_SECONDS:
            self._slow_at = ended

    def _is_behind_outage(self, verdict: Verdict) -> bool:
        """Whether the log may have an earlier copy by another receiver that this one will soon read."""
        if verdict.copy is not None and verdict.copy.is_in_doubt:
            return True
        since = min(time.monotonic() - self._slow_at, self._since_behind(verdict.signals[0].key))
        return since < OUTAGE_SECONDS

    def _remove_pending(self, identity: Identity) -> None:
        pending = self._pending[identity.account]
        del pending[identity]
        if not pending:
            del self._pending[identity.account]


def _check_age(until: float) -> None:
    """Raise `SilentError` when a panel expects no answer any more, and sends its frame again."""
    if time.monotonic() > until:
        raise SilentError(SilenceReason.TOO_OLD)


def _with_signals(verdict: Verdict) -> Verdict:
    """A verdict again, if it has signals to write. Raises `SilentError`."""
    if not verdict.signals:
        raise SilentError(verdict.silence or SilenceReason.VIEW_STALE)
    return verdict


def _outcome(verdict: Verdict) -> FrameOutcome:
    if verdict.identity is not None and verdict.copy is None and verdict.has_alerts:
        return FrameOutcome.ALERT
    return FrameOutcome(verdict.signals[0].outcome)
