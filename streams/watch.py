"""Looks at the worker once a second: what lags, what is due, what does not move; for `/health` and `/metrics`.

It asks the broker for the ends of the inputs itself, and so notices a consumer that has stopped fetching. Ends
are the last stable offsets: records behind them are for nobody yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import OFFSET_END, KafkaException

from schemas.topics import INPUT_TOPICS
from streams.broker import clients as kafka
from streams.clock import wall_ms
from streams.escalation.names import OPEN_PHASES
from streams.lags import Lags
from streams.logs import logger

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from streams.health import Readiness, Stalls
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.source import Source
    from streams.store import Partition, Store

_log = logger(__name__)

_SECONDS: Final = 1.0
# A member of the group that is given no partition in so long is one more than there are partitions. Its consumer tells
# it nothing of that, and asking about the group may end the process (librdkafka #4605).
IDLE_SECONDS: Final = 5.0


class _Lag(NamedTuple):
    """How far an input was read, and how many of its records are still to be read."""

    topic: str  # without prefix
    number: int
    position: int
    records: int
    seconds: float  # that the first of them has waited


async def tell_readiness(readiness: Readiness) -> None:
    """Log when the worker becomes ready, and what it waits for when it is not."""
    told: set[str] | None = None
    while True:
        reasons = readiness.reasons
        if told != set(reasons):
            told = set(reasons)
            if reasons:
                _log.info("the worker is not ready", **{f"waits_for_{thing}": why for thing, why in reasons.items()})
            else:
                _log.info("the worker is ready")
        await asyncio.sleep(_SECONDS)


class Watch:
    """Notes what it sees in ``stalls`` and ``metrics``, until its task is cancelled."""

    def __init__(
        self,
        committed: Consumer,
        store: Store,
        source: Source,
        settings: Settings,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._committed = committed
        self._store = store
        self._source = source
        self._steady = steady
        self._topics = {settings.topic(topic): topic for topic in INPUT_TOPICS}
        self._seen: Lags[tuple[str, int]] = Lags()
        self._shown: frozenset[int] = frozenset()
        self._standing: frozenset[str] = frozenset()
        self._idle_since: float | None = None

    async def run(self, readiness: Readiness, stalls: Stalls, metrics: Metrics) -> None:
        """Look again and again."""
        while True:
            await self.look(readiness, stalls, metrics)
            await asyncio.sleep(_SECONDS)

    async def look(self, readiness: Readiness, stalls: Stalls, metrics: Metrics) -> None:
        """Look once. Partitions may come and go while the broker is asked; what is noted is what is held afterwards."""
        lags = await self._lags()
        if "group" not in readiness.reasons:
            self._idle_since = None
        elif await self._is_idle():
            _log.info("the group has no partition for this worker, which stands by")
            readiness.arrive("group")
        held = dict(self._store.partitions)
        lags = [lag for lag in lags if lag.number in held]
        self._note(stalls, held.values(), lags)
        self._measure(metrics, held, lags)
        metrics.standing.set(self._tell_standing(stalls))
        metrics.ready.set(not readiness.reasons)

    async def _lags(self) -> list[_Lag]:
        """Of all inputs that are at work; none while the broker does not say."""
        positions = self._source.positions
        if not positions:
            return []
        self._seen.keep(positions)
        try:
            ends = await asyncio.to_thread(kafka.offsets, self._committed, positions, OFFSET_END)
        except KafkaException:
            return []
        lags = []
        for (topic, number), end in ends.items():
            log = (topic, number)
            position = positions[log]
            seconds = self._seen.seconds(log, position, end, self._source.taken_at.get(log), wall_ms())
            lags.append(_Lag(self._topics[topic], number, position, max(end - position, 0), seconds))
        return lags

    async def _is_idle(self) -> bool:
        """Whether the consumer has joined, and been given nothing for a while by a broker that answers."""
        if not self._source.member_id or not await asyncio.to_thread(kafka.refresh, self._committed):
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = self._steady()
        return self._idle_since is not None and self._steady() - self._idle_since >= IDLE_SECONDS

    def _note(self, stalls: Stalls, partitions: Iterable[Partition], lags: Iterable[_Lag]) -> None:
        """What is waiting, and how far it has come."""
        waiting: dict[str, object] = {
            f"input {lag.topic}, partition {lag.number}": lag.position for lag in lags if lag.records
        }
        for partition in partitions:
            first = next(iter(partition.deadlines), None)
            if first is not None and not partition.waiting and partition.clock.seconds_until(first.at) == 0:
                waiting[f"a due deadline, partition {partition.number}"] = first
        is_idle = self._source.chunk is None
        waiting["the consumer's next poll" if is_idle else "a chunk in flight"] = self._source.polls
        stalls.note(waiting, self._steady())

    def _tell_standing(self, stalls: Stalls) -> float:
        """Log what begins to stand still, and what moves again; the longest stand, in seconds."""
        standing = stalls.standing(self._steady())
        for work in sorted(standing.keys() - self._standing):
            _log.error("work stands still: /health fails", work=work, seconds=round(standing[work], 1))
        for work in sorted(self._standing - standing.keys()):
            _log.info("work moves again", work=work)
        self._standing = frozenset(standing)
        return max(standing.values(), default=0.0)

    def _measure(self, metrics: Metrics, held: Mapping[int, Partition], lags: Iterable[_Lag]) -> None:
        for number in self._shown - held.keys():
            metrics.forget(number)
        self._shown = frozenset(held)
        for lag in lags:
            metrics.lag.labels(lag.topic, lag.number).set(lag.records)
            metrics.lag_seconds.labels(lag.topic, lag.number).set(lag.seconds)
        for phase, count in self._source.phases.items():
            metrics.partitions.labels(phase).set(count)
        for open_phase in OPEN_PHASES:
            count = sum(partition.phases[open_phase] for partition in held.values())
            metrics.incidents_open.labels(open_phase).set(count)
        for number, partition in held.items():
            metrics.state_records.labels(number).set(len(partition.states))
            metrics.state_bytes.labels(number).set(partition.state_bytes)
            metrics.site_records.labels(number).set(len(partition.sites))
            metrics.site_bytes.labels(number).set(partition.site_bytes)
            metrics.deadlines_armed.labels(number).set(len(partition.deadlines))
