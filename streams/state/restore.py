"""How a partition comes back from the log after an assignment (architecture.md §3, §4).

In this order: the offsets its group committed, which waits for the transactions of its last holder; the
ends of its logs; then all of ``state`` and ``sites`` up to there. The ends are the high watermarks. A
read_committed consumer gets the last stable offset instead, and a dead worker's open transaction would hide
committed records that lie behind its beginning. Partitions do not wait for each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from schemas.contract.topics import INPUT_TOPICS, BrokerLog
from service import gc_control
from service.logs import logger
from service.pauses import KAFKA_SECONDS
from streams.kafka import clients as kafka
from streams.kafka.offset_notes import OffsetNotes, read_notes
from streams.runtime.errors import WorkerError
from streams.state.changelog_reader import ChangelogReader
from streams.state.partition import RENEW_SECONDS
from streams.state.rebuild import Rebuild

if TYPE_CHECKING:
    from streams.formats.codec import Codec
    from streams.formats.site_records import SiteRecords
    from streams.observe.metrics import Metrics
    from streams.settings import Settings
    from streams.state.partition import Partition, Unusable

_log = logger(__name__)

_COMMITTED_SECONDS: Final = 2.0  # then other partitions ask
_AT_ONCE: Final = 8  # questions
_ALL: Final = ("state", *INPUT_TOPICS)


class LogTruncatedError(WorkerError):
    """An input's log ends before what was committed of it."""


class OffsetsLostError(WorkerError):
    """A partition has state and its group no offsets: to start from the beginning would alarm everybody again."""


class Order(NamedTuple):
    """A partition to restore. ``unusable``: sites whose state must be set aside, as `Rebuild` has them."""

    number: int
    unusable: Mapping[str, Unusable]


class RestoredPartition(NamedTuple):
    """A partition that is ready to work."""

    order: Order
    partition: Partition


class Restores:
    """The restores under way, each a task of the event loop it was made in.

    `order` and `cancel` may be called from any thread; what comes of the orders is put into ``results``.
    """

    def __init__(
        self,
        consumer: Consumer,
        uncommitted: Consumer,
        reader: ChangelogReader,
        codec: Codec,
        site_records: SiteRecords,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self.results: SimpleQueue[RestoredPartition | Exception] = SimpleQueue()
        self._consumer = consumer
        self._uncommitted = uncommitted
        self._reader = reader
        self._codec = codec
        self._site_records = site_records
        self._settings = settings
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        # Threads of its own: while the broker is away, each question takes all of its time.
        self._asking = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="restores")
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def order(self, order: Order) -> None:
        """Restore a partition; an order before it for the same one is dropped."""
        self._loop.call_soon_threadsafe(self._start, order)

    def cancel(self, number: int) -> None:
        """Drop the order for a partition, if there is one."""
        self._loop.call_soon_threadsafe(self._cancel, number)

    def _start(self, order: Order) -> None:
        self._cancel(order.number)
        self._tasks[order.number] = asyncio.create_task(self._run(order))

    def _cancel(self, number: int) -> None:
        task = self._tasks.pop(number, None)
        if task is not None:
            task.cancel()

    async def _run(self, order: Order) -> None:
        begun = time.monotonic()
        try:
            restored = await self._restore(order)
        except Exception as error:  # noqa: BLE001  # the reader ends the worker with it
            self.results.put(error)
            return
        seconds = time.monotonic() - begun
        self._metrics.restore_seconds.observe(seconds)
        _log.info(
            "partition restored", partition=order.number, seconds=round(seconds, 3),
            states=len(restored.partition.states), sites=len(restored.partition.sites),
        )  # fmt: skip
        self.results.put(restored)

    async def _restore(self, order: Order) -> RestoredPartition:
        number = order.number
        committed, notes = await self._committed(number)
        begins = await self._ends(number, OFFSET_BEGINNING)
        ends = await self._ends(number, OFFSET_END)
        first_inputs = {topic: max(committed.get(topic, 0), begins[topic]) for topic in INPUT_TOPICS}
        for topic, first in first_inputs.items():
            if first > ends[topic]:
                raise LogTruncatedError(
                    f"{self._settings.topic(topic)}, partition {number}: it ends at offset {ends[topic]}, before the "
                    f"committed {first}: the topic was recreated or has lost records. Decide where to go on with "
                    f"`kafka-consumer-groups --group {self._settings.worker.group} --reset-offsets`"
                )
        counted = self._count_deleted(number, committed, notes, begins)
        rebuild = Rebuild(
            number, self._codec, self._site_records, first_inputs["sites"], order.unusable, notes["sites"].failed
        )
        await asyncio.wrap_future(self._reader.read(rebuild, begins, ends))
        self._metrics.restored.inc(rebuild.records)
        self._metrics.restored_bytes.inc(rebuild.bytes)
        waiting = {topic: ends[topic] for topic in INPUT_TOPICS if ends[topic] > first_inputs[topic]}
        partition = await asyncio.to_thread(rebuild.partition, first_inputs, waiting)
        if not committed and (partition.states or rebuild.tombstones):
            group = self._settings.worker.group
            raise OffsetsLostError(
                f"partition {number} was worked on, and group {group} has no offsets of it: worker.group has changed, "
                "or the offsets were deleted (Kafka does so when a group is away for `offsets.retention.minutes`). "
                f"Set it back, or decide where to go on with `kafka-consumer-groups --group {group} --reset-offsets`"
            )
        partition.deleted = {topic: note.deleted for topic, note in notes.items() if note.deleted} | counted
        if counted:  # noted at once: the next restore would count them again
            partition.renewed_at -= RENEW_SECONDS
        partition.passed = {topic: note.passed for topic, note in notes.items()}
        if rebuild.unreadable:
            unreadable = min(rebuild.unreadable.values())
            _log.error(
                "sites cannot be read: the schema registry is not that of their day",
                partition=number, sites=len(rebuild.unreadable), first=unreadable.offset, reason=unreadable.reason,
            )  # fmt: skip
        gc_control.keep()
        return RestoredPartition(order, partition)

    def _count_deleted(
        self, number: int, committed: Mapping[str, int], notes: Mapping[str, OffsetNotes], begins: Mapping[str, int]
    ) -> dict[str, int]:
        """Count the inputs that Kafka deleted since they were last counted: nobody can handle them any more.

        Return, by topic, all there ever were where there are more now. Behind what was read, a log may have begun with
        markers: no input is lost by them.
        """
        counts: dict[str, int] = {}
        for topic, offset in committed.items():
            first = max(offset, notes[topic].passed)
            deleted = begins[topic] - first
            if deleted > 0:
                counts[topic] = notes[topic].deleted + deleted
                self._metrics.deleted.labels(topic, str(number)).inc(deleted)
                _log.error(
                    "inputs were deleted before they were handled",
                    topic=topic, partition=number, first=first, offsets=deleted,
                )  # fmt: skip
        return counts

    async def _committed(self, number: int) -> tuple[dict[str, int], dict[str, OffsetNotes]]:
        """The offsets committed, by topic, as far as there are any, once no transaction may still move them.

        With them, by topic, what is noted beside them.

        A consumer asks, though it is not in the group: when the broker goes away, librdkafka's admin client may
        wait for this answer for good, or end the process (librdkafka #3663, #4605).
        """
        asked = [TopicPartition(self._settings.topic(topic), number) for topic in INPUT_TOPICS]
        while True:
            try:
                offsets = await self._loop.run_in_executor(
                    self._asking, self._consumer.committed, asked, _COMMITTED_SECONDS
                )
            except KafkaException as error:
                _log.warning("the committed offsets are not known yet", partition=number, error=error.args[0].name())
            else:
                unstable = [offset.error for offset in offsets if offset.error]
                if not unstable:
                    names = {self._settings.topic(topic): topic for topic in INPUT_TOPICS}
                    known = {names[offset.topic]: offset.offset for offset in offsets if offset.offset >= 0}
                    return known, {names[offset.topic]: read_notes(offset.metadata) for offset in offsets}
                _log.info("a transaction is still open", partition=number, error=unstable[0].name())
            await asyncio.sleep(KAFKA_SECONDS)

    async def _ends(self, number: int, which: int) -> dict[str, int]:
        """The first or last offsets of the partition's logs, by topic; the last are high watermarks."""
        asked = {topic: BrokerLog((self._settings.topic(topic), number)) for topic in _ALL}
        while True:
            try:
                found = await self._loop.run_in_executor(
                    self._asking, kafka.offsets, self._uncommitted, asked.values(), which
                )
            except KafkaException as error:
                _log.warning("the ends of the logs are not known yet", partition=number, error=error.args[0].name())
                await asyncio.sleep(KAFKA_SECONDS)
            else:
                return {topic: found[log] for topic, log in asked.items()}
