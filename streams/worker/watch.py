"""Looks at the worker once a second: what lags, what is due, what does not move; for `/health` and `/metrics`.

It asks the broker for the ends of the logs itself, and so notices a consumer that has stopped fetching. The ends of
inputs are their high watermarks: records behind an open transaction wait as others do. While the broker does not
answer, its last answer holds, and what waited then goes on waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from schemas.contract.topics import INPUT_TOPICS, OUTPUT_TOPICS, BrokerLog
from service.logs import logger
from service.readiness import Stalls
from streams.escalation.names import OPEN_PHASES
from streams.kafka import clients as kafka
from streams.kafka.ends import Enquiry
from streams.observe.lags import Lags
from streams.runtime.clock import wall_ms

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from service.readiness import ProcessReadiness
    from streams.observe.metrics import Metrics
    from streams.pipeline.read import ChunkReader
    from streams.settings import Settings
    from streams.state.partition import Partition, Store

K = TypeVar("K", int, str)

_log = logger(__name__)

_SECONDS: Final = 1.0
# A member of the group that is given no partition in so long is one more than there are partitions. Its consumer tells
# it nothing of that, and asking about the group may end the process (librdkafka #4605).
IDLE_SECONDS: Final = 5.0
# A transaction of a worker takes less; a longer one is logged.
BLOCKED_SECONDS: Final = 10.0
# A partition's clock that differs so much from the wall clock is logged.
DIFFERING_MS: Final = 5_000


class _Lag(NamedTuple):
    """How far an input was read, and how many of its records are still to be read."""

    topic: str  # without prefix
    number: int
    position: int
    records: int
    seconds: float  # that the first of them has waited
    is_readable: bool  # no open transaction lies before it


class _Turns(Generic[K]):
    """What is the case at a look, and how that differs from the look before."""

    def __init__(self) -> None:
        self._before: frozenset[K] = frozenset()

    def turn(self, now: Iterable[K]) -> tuple[list[K], list[K]]:
        """Note what is the case now; return what has begun to be, and what is no more."""
        before, self._before = self._before, frozenset(now)
        return sorted(self._before - before), sorted(before - self._before)


async def log_readiness(readiness: ProcessReadiness) -> None:
    """Log when the worker becomes ready, and what it waits for when it is not."""
    logged: set[str] | None = None
    while True:
        reasons = readiness.reasons
        if logged != set(reasons):
            logged = set(reasons)
            if reasons:
                _log.info("the worker is not ready", **{f"waits_for_{thing}": why for thing, why in reasons.items()})
            else:
                _log.info("the worker is ready")
        await asyncio.sleep(_SECONDS)


class Watch:
    """Notes what it sees in ``readiness``, ``stalls`` and ``metrics``, until its task is cancelled."""

    def __init__(
        self,
        committed: Consumer,
        uncommitted: Consumer,
        store: Store,
        reader: ChunkReader,
        settings: Settings,
        readiness: ProcessReadiness,
        stalls: Stalls,
        metrics: Metrics,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._committed = committed
        self._store = store
        self._reader = reader
        self._readiness = readiness
        self._stalls = stalls
        self._metrics = metrics
        self._steady = steady
        self._topics = {settings.topic(topic): topic for topic in (*INPUT_TOPICS, *OUTPUT_TOPICS)}
        self._enquiry = Enquiry(committed, uncommitted, settings, steady)
        self._stall_seconds = settings.worker.stall_seconds
        self._expected_partitions = settings.topics.partitions
        self._is_away = False
        self._stable = Stalls(BLOCKED_SECONDS)
        self._differing = _Turns[int]()
        self._blocked = _Turns[str]()
        self._seen: Lags = Lags()
        self._shown: frozenset[int] = frozenset()
        self._standing = _Turns[str]()
        self._idle_since: float | None = None

    @property
    def unheard_seconds(self) -> float:
        """So long no broker has answered one of the clients that ask where the logs end."""
        return self._enquiry.unheard_seconds

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            await asyncio.sleep(_SECONDS)

    async def look(self) -> None:
        """Look once. Partitions may come and go while the broker is asked; what is noted is what is held afterwards."""
        positions = self._reader.positions
        await self._enquiry.ask(positions)
        self._report_kafka()
        self._report_partitions()
        lags = self._lags(positions)
        if "group" not in self._readiness.reasons:
            self._idle_since = None
        elif await self._is_idle():
            _log.info("the group has no partition for this worker, which stands by")
            self._readiness.arrive("group")
        held = dict(self._store.partitions)
        lags = [lag for lag in lags if lag.number in held]
        self._note(held.values(), lags)
        self._measure(held, lags)
        self._report_clocks(held)
        self._report_sites(held)
        self._report_hidden(held.keys())
        self._metrics.standing.set(self._log_standing())
        self._metrics.ready.set(not self._readiness.reasons)

    def _report_kafka(self) -> None:
        """Be ready no more when the broker has not answered for ``worker.stall_seconds``, until it does."""
        seconds = self._enquiry.silent_seconds
        self._metrics.silent_seconds.set(seconds)
        if seconds >= self._stall_seconds:
            if not self._is_away:
                _log.error("Kafka does not answer", seconds=round(seconds, 1))
            self._is_away = True
            self._readiness.wait("kafka", f"no Kafka can be reached: no answer for {seconds:.0f} s")
        elif self._is_away:
            _log.info("Kafka answers again")
            self._is_away = False
            self._readiness.arrive("kafka")

    def _report_partitions(self) -> None:
        """Be ready no more when an input topic has other partitions than the settings have: they are not handled."""
        differing = {}
        for topic, count in self._enquiry.last.partitions.items():
            self._metrics.excess_partitions.labels(topic).set(count - self._expected_partitions)
            if count != self._expected_partitions:
                differing[topic] = count
        if not differing:
            self._readiness.arrive("partitions")
            return
        counts = ", ".join(f"{topic} has {count}" for topic, count in sorted(differing.items()))
        reason = f"{counts} partitions, and topics.partitions is {self._expected_partitions}: see `ronde topics check`"
        if "partitions" not in self._readiness.reasons:
            _log.error("an input topic has other partitions than the settings have", reason=reason)
        self._readiness.wait("partitions", reason)

    def _lags(self, positions: Mapping[BrokerLog, int]) -> list[_Lag]:
        """The lags of all inputs at work, by the broker's last answer."""
        self._seen.keep(positions)
        lags = []
        for log, end in self._enquiry.last.inputs.items():
            if log in positions:
                position = positions[log]
                seconds = self._seen.seconds(log, position, end, self._reader.taken_at.get(log), wall_ms())
                is_readable = self._enquiry.last.stable[log] > position
                lags.append(_Lag(self._topics[log[0]], log[1], position, max(end - position, 0), seconds, is_readable))
        return lags

    def _report_clocks(self, held: Mapping[int, Partition]) -> None:
        """Log which partitions' clocks begin and cease to differ from the wall clock, and note it for ``/ready``."""
        differing = {
            number: round(ahead_ms / 1000)
            for number, partition in held.items()
            if abs(ahead_ms := partition.ahead_ms()) >= DIFFERING_MS
        }
        begun, ceased = self._differing.turn(differing)
        for number in begun:
            _log.error(
                "a partition's clock differs from the wall clock", partition=number, seconds_ahead=differing[number]
            )
        for number in ceased:
            if number in held:
                _log.info("a partition's clock is the wall clock again", partition=number)
        if differing:
            ahead = ", ".join(f"partition {number} by {seconds} s" for number, seconds in sorted(differing.items()))
            self._readiness.remark("clock", f"ahead of the wall clock: {ahead}")
        else:
            self._readiness.withdraw("clock")

    def _report_sites(self, held: Mapping[int, Partition]) -> None:
        """Note for ``/ready`` of how many sites the schema registry keeps the records from being read."""
        unreadable = {number: len(partition.unreadable_sites) for number, partition in sorted(held.items())}
        if any(unreadable.values()):
            counts = ", ".join(f"{count} of partition {number}" for number, count in unreadable.items() if count)
            why = "records cannot be read, the schema registry is not that of their day"
            self._readiness.remark("sites", f"{why}: {counts}")
        else:
            self._readiness.withdraw("sites")

    def _report_hidden(self, held: Collection[int]) -> None:
        """Show and log where open transactions hide records, of inputs from this worker, of outputs from their readers.

        While they hide inputs, the worker is not ready.
        """
        ends, now = self._enquiry.last, self._steady()
        hidden = {log: count for log, count in ends.hidden.items() if log[1] in held}
        self._stable.note({_name(log): ends.stable[log] for log, count in hidden.items() if count}, now)
        seconds = self._stable.waiting(now)
        for log, count in hidden.items():
            topic = self._topics[log[0]]
            if topic in OUTPUT_TOPICS:
                self._metrics.hidden_records.labels(topic, log[1]).set(count)
                self._metrics.hidden_seconds.labels(topic, log[1]).set(seconds.get(_name(log), 0.0))
        blocked = self._stable.standing(now).keys()
        begun, ceased = self._blocked.turn(blocked)
        for name in begun:
            _log.error("an open transaction hides records", log=name)
        for name in ceased:
            _log.info("an open transaction hides records no more", log=name)
        inputs = sorted(blocked & {_name(log) for log in ends.inputs})
        if inputs:
            self._readiness.wait("inputs", f"an open transaction of a producer hides records of {'; '.join(inputs)}")
        else:
            self._readiness.arrive("inputs")

    async def _is_idle(self) -> bool:
        """Whether the consumer has joined, and been given nothing for a while by a broker that answers."""
        if not self._reader.member_id or not await asyncio.to_thread(kafka.refresh, self._committed):
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = self._steady()
        return self._idle_since is not None and self._steady() - self._idle_since >= IDLE_SECONDS

    def _note(self, partitions: Iterable[Partition], lags: Iterable[_Lag]) -> None:
        """Note waiting work and its progress. A restart would not help where a producer's transaction is open.

        Nor while a record waits for the schema registry: its partition would only go to the next worker, which would
        stand still with all of its own.
        """
        if "registry" in self._readiness.reasons:
            self._stalls.note({}, self._steady())
            return
        waiting: dict[str, object] = {
            f"input {lag.topic}, partition {lag.number}": lag.position for lag in lags if lag.is_readable
        }
        for partition in partitions:
            first = next(iter(partition.deadlines), None)
            if first is not None and not partition.waiting and partition.seconds_until(first.at) == 0:
                waiting[f"a due deadline, partition {partition.number}"] = first
        is_idle = self._reader.chunk is None
        waiting["the consumer's next poll" if is_idle else "a chunk in flight"] = self._reader.polls
        self._stalls.note(waiting, self._steady())

    def _log_standing(self) -> float:
        """Log what begins to stand still, and what moves again; the longest stand, in seconds."""
        standing = self._stalls.standing(self._steady())
        begun, ceased = self._standing.turn(standing)
        for work in begun:
            _log.error("work stands still: /health fails", work=work, seconds=round(standing[work], 1))
        for work in ceased:
            _log.info("work moves again", work=work)
        return max(standing.values(), default=0.0)

    def _measure(self, held: Mapping[int, Partition], lags: Iterable[_Lag]) -> None:
        metrics = self._metrics
        for number in self._shown - held.keys():
            metrics.forget(number)
        self._shown = frozenset(held)
        for lag in lags:
            metrics.lag.labels(lag.topic, lag.number).set(lag.records)
            metrics.lag_seconds.labels(lag.topic, lag.number).set(lag.seconds)
        for phase, count in self._reader.phases.items():
            metrics.partitions.labels(phase).set(count)
        for open_phase in OPEN_PHASES:
            count = sum(partition.phases[open_phase] for partition in held.values())
            metrics.incidents_open.labels(open_phase).set(count)
        for number, partition in held.items():
            metrics.state_records.labels(number).set(len(partition.states))
            metrics.state_bytes.labels(number).set(partition.state_bytes)
            metrics.site_records.labels(number).set(len(partition.sites))
            metrics.site_bytes.labels(number).set(partition.site_bytes)
            metrics.sites_unreadable.labels(number).set(len(partition.unreadable_sites))
            metrics.deadlines_armed.labels(number).set(len(partition.deadlines))
            metrics.clock_ahead.labels(number).set(partition.ahead_ms() / 1000)


def _name(log: BrokerLog) -> str:
    return f"{log[0]}, partition {log[1]}"
