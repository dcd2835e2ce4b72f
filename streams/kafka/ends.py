"""What the broker says of the topics, asked in a thread of its own: the watch never waits for it.

A consumer is asked, as librdkafka's admin client may end the process when the broker goes away (librdkafka #4605).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from confluent_kafka import OFFSET_END, KafkaException

from schemas.contract.topics import INPUT_TOPICS, OUTPUT_TOPICS, BrokerLog
from service.hearing import Hearing, hears
from streams.kafka import clients as kafka

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from streams.settings import Settings

_PARTITIONS_SECONDS: Final = 10.0  # partitions are counted as often
_PATIENCE_SECONDS: Final = 1.0  # an answer that takes longer is taken at a later look


P = ParamSpec("P")
R = TypeVar("R")


class _Asked(NamedTuple):
    client: Consumer
    hearing: Hearing


class Ends(NamedTuple):
    """The broker's last answer.

    ``inputs`` are the high watermarks of inputs; ``stable`` the last stable offsets of inputs and outputs, ``hidden``
    how many offsets lie behind those. ``partitions`` is how many each input topic has, by name without prefix.
    """

    inputs: Mapping[BrokerLog, int]
    hidden: Mapping[BrokerLog, int]
    stable: Mapping[BrokerLog, int]
    partitions: Mapping[str, int]


class Enquiry:
    """Asks the broker for `Ends`, one question at a time."""

    def __init__(
        self,
        committed: Consumer,
        uncommitted: Consumer,
        settings: Settings,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.last = Ends({}, {}, {}, {})
        self._committed = _Asked(committed, Hearing(steady))
        self._uncommitted = _Asked(uncommitted, Hearing(steady))
        self._steady = steady
        self._inputs = {topic: settings.topic(topic) for topic in INPUT_TOPICS}
        self._outputs = tuple(settings.topic(topic) for topic in OUTPUT_TOPICS)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ends")
        self._question: asyncio.Future[Ends] | None = None
        self._answered_at = steady()
        self._counted_at: float | None = None

    @property
    def silent_seconds(self) -> float:
        """Seconds since the broker last answered."""
        return self._steady() - self._answered_at

    @property
    def unheard_seconds(self) -> float:
        """So long no broker has answered one of the clients anything (`service.hearing`).

        Where the ends are not known, a broker may answer all the same, as where a single partition has no leader.
        """
        return max(self._committed.hearing.seconds, self._uncommitted.hearing.seconds)

    async def ask(self, positions: Iterable[BrokerLog]) -> bool:
        """Ask, or see whether the question under way has its answer; False: no new answer."""
        if self._question is None:
            loop = asyncio.get_running_loop()
            self._question = loop.run_in_executor(self._thread, self._ask, list(positions))
        done, _ = await asyncio.wait({self._question}, timeout=_PATIENCE_SECONDS)
        if not done:
            return False
        question, self._question = self._question, None
        try:
            self.last = question.result()
        except KafkaException:
            return False
        self._answered_at = self._steady()
        return True

    def _ask(self, positions: list[BrokerLog]) -> Ends:
        """Raises `KafkaException`."""
        partitions = self.last.partitions
        now = self._steady()
        if not positions or self._counted_at is None or now - self._counted_at >= _PARTITIONS_SECONDS:
            counts = _answer(self._uncommitted, kafka.partition_counts)
            partitions = {topic: counts.get(name, 0) for topic, name in self._inputs.items()}
            self._counted_at = now
        if not positions:
            return Ends({}, {}, {}, partitions)
        numbers = sorted({number for _, number in positions})
        outputs = [BrokerLog((topic, number)) for topic in self._outputs for number in numbers]
        logs = [*positions, *outputs]
        ends = _answer(self._uncommitted, kafka.offsets, logs, OFFSET_END)
        # Asked later, so that nothing seems hidden by haste.
        stable = _answer(self._committed, kafka.offsets, logs, OFFSET_END)
        hidden = {log: max(ends[log] - stable[log], 0) for log in logs}
        return Ends({log: ends[log] for log in positions}, hidden, stable, partitions)


def _answer(
    asked: _Asked, question: Callable[Concatenate[Consumer, P], R], *arguments: P.args, **options: P.kwargs
) -> R:
    """Ask a client, and note whether it is answered at all. Raises `KafkaException`."""
    try:
        answer = question(asked.client, *arguments, **options)
    except KafkaException:
        asked.hearing.note(is_answered=hears(asked.client))
        raise
    asked.hearing.note(is_answered=True)
    return answer
