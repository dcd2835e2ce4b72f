"""One worker: its parts, put together; how it begins, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import faust
from confluent_kafka import KafkaException
from mode import Service

from schemas.contract.topics import TOPICS
from service.logs import logger, places
from service.pauses import KAFKA_SECONDS, registry_answer
from service.readiness import ProcessReadiness, Stalls
from streams.formats.codec import Codec
from streams.kafka import clients as kafka
from streams.observe.metrics import Metrics
from streams.pipeline.chunk import InputChunk
from streams.pipeline.decide import Decider
from streams.pipeline.decode import Decoder
from streams.pipeline.pipeline import Pipeline
from streams.pipeline.publish import Transactions
from streams.pipeline.read import ChunkReader
from streams.runtime.errors import WorkerError
from streams.state.assignment import Assignment
from streams.state.changelog_reader import ChangelogReader
from streams.state.partition import Store
from streams.state.restore import Restores
from streams.worker import silent_client, standstill
from streams.worker.registry_watch import RegistryWatch
from streams.worker.watch import Watch, log_readiness

if TYPE_CHECKING:
    from streams.settings import Settings

_log = logger(__name__)

# A pod has five seconds to go: what the chunk in flight may take of them, and what leaving the group may take.
_DRAIN_SECONDS: Final = 3.0
_LEAVE_SECONDS: Final = 1.5


class Worker(Service):
    """A mode service whose life is that of the worker; stopped, it drains and leaves the group.

    Creating it raises `WorkerError` when librdkafka refuses the settings.

    ``ended`` is done when it has left the group, with what ended it if nobody asked it to. ``hangs``: a chunk
    was given up, and a thread is still busy with it.
    """

    mundane_level = "debug"

    def __init__(
        self, app: faust.App, settings: Settings, readiness: ProcessReadiness, stalls: Stalls, metrics: Metrics
    ) -> None:
        super().__init__()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hangs = False
        self._app = app
        self._settings = settings
        self._readiness = readiness
        self._stalls = stalls
        self._metrics = metrics
        try:
            self._producer = kafka.producer(settings, metrics)
            self._consumer = kafka.consumer(settings, metrics)
        except KafkaException as error:
            refused = error.args[0].str()
            raise WorkerError(f"there is no Kafka client with these settings: {refused}. Correct them") from error
        self._transactions = Transactions(self._producer, self._consumer, settings.worker.aborts_per_minute)
        self._transaction_thread = ThreadPoolExecutor(1, thread_name_prefix="transactions")
        self._changelog_reader: ChangelogReader | None = None
        self._chunk_reader: ChunkReader | None = None
        self._registry = None if settings.registry.url is None else RegistryWatch(settings)
        self._fault: WorkerError | None = None

    async def on_start(self) -> None:
        """Begin; what takes its time goes on in the background, so that the pages answer."""
        self.add_future(log_readiness(self._readiness))
        self.add_future(self._live())

    async def on_stop(self) -> None:
        """Finish the chunk in flight, leave the group; give up what does not end in time."""
        if self._chunk_reader is not None:
            self._chunk_reader.stop()
            await asyncio.wait({self.ended}, timeout=_DRAIN_SECONDS)
            if not self.ended.done():
                is_given_up = self._chunk_reader.chunk is not None
                if is_given_up:
                    _log.warning("the chunk in flight is given up: it was not committed in time")
                self._transactions.stop()
                self._chunk_reader.abandon()
                await asyncio.wait({self.ended}, timeout=_LEAVE_SECONDS)
                self.hangs = is_given_up or not self.ended.done()
                if self.hangs and not is_given_up:
                    _log.warning("the group is not left: its broker did not answer in time")
        elif not self.ended.done():
            self._transactions.stop()
            self.ended.set_result(None)
        if self._changelog_reader is not None:
            self._changelog_reader.close()

    async def _live(self) -> None:
        try:
            await self._begin()
        except Exception as error:  # noqa: BLE001  # raised where the end is awaited
            if isinstance(error, KafkaException):
                error = WorkerError(f"Kafka: {error.args[0].str()}")
            _log.error("the worker ends", reason=str(error) if isinstance(error, WorkerError) else places(error))
            if not self.ended.done():
                self.ended.set_exception(error)

    async def _begin(self) -> None:
        settings, readiness, metrics = self._settings, self._readiness, self._metrics
        codec = await self._codec()
        readiness.wait("kafka", "the broker has not let it begin transactions yet")
        readiness.arrive("start")
        limit_seconds = settings.worker.transaction_timeout_ms / 1000  # by then the broker itself has ended it
        self.add_future(
            standstill.guard(
                lambda: self._transactions.seconds,
                partial(kafka.answers, settings),
                limit_seconds,
                _end_as_its_transaction_stands,
            )
        )
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._transaction_thread, self._transactions.begin)
        readiness.wait("group", "the group has not assigned partitions yet")
        readiness.arrive("kafka")

        store, decoder = Store(), Decoder(codec, settings)
        pipeline = Pipeline(
            self._app,
            decoder,
            Decider(store, codec, decoder.site_records, settings),
            self._transactions,
            self._transaction_thread,
            store,
            readiness,
            metrics,
            asks_registry=settings.registry.url is not None,
        )
        for agent in self._app.agents.values():
            await agent.maybe_start()

        while not await asyncio.to_thread(kafka.hasten_group, settings):  # noqa: ASYNC110  # nobody would set an event
            await asyncio.sleep(KAFKA_SECONDS)
        topics = {topic: settings.topic(topic) for topic in TOPICS}
        self._changelog_reader = ChangelogReader(kafka.restorer(settings, metrics), topics, readiness, metrics)
        asking = kafka.restorer(settings, metrics)
        uncommitted = kafka.restorer(settings, metrics, isolation="read_uncommitted")
        restores = Restores(asking, uncommitted, self._changelog_reader, codec, decoder.site_records, settings, metrics)
        assignment = Assignment(self._consumer, store, restores, settings, readiness, metrics)

        def hand_over(chunk: InputChunk) -> None:
            asyncio.run_coroutine_threadsafe(pipeline.handle(chunk), loop)

        chunk_reader = ChunkReader(self._consumer, assignment, store, settings.worker.chunk_max, metrics, hand_over)
        self._chunk_reader = chunk_reader
        watch = Watch(asking, uncommitted, store, chunk_reader, settings, readiness, self._stalls, metrics)
        self.add_future(watch.run())

        def unheard_seconds() -> float:
            return max(chunk_reader.hearing.seconds, watch.unheard_seconds)

        self.add_future(silent_client.guard(unheard_seconds, settings, _end_as_a_client_is_silent))
        if self._registry is not None:
            self.add_future(self._registry.run(self._end))
        await chunk_reader.start()
        if self._fault is not None:
            raise self._fault
        self.ended.set_result(None)

    def _end(self, fault: WorkerError) -> None:
        """End the worker once the chunk under way is committed."""
        self._fault = fault
        if self._chunk_reader is not None:
            self._chunk_reader.stop()

    async def _codec(self) -> Codec:
        """The codec, waiting for a schema registry that does not answer."""
        if self._registry is None:
            return Codec(prefix=self._settings.prefix)
        return await registry_answer(self._registry.codec, self._readiness, self._metrics.registry_failures)


def _end_as_its_transaction_stands(seconds: float) -> None:
    _end_at_once(f"its transaction has stood still for {seconds:.0f} s, and the broker answers")


def _end_as_a_client_is_silent(seconds: float) -> None:
    _end_at_once(f"a Kafka client of it has had no answer for {seconds:.0f} s, and Kafka answers another one")


def _end_at_once(reason: str) -> None:
    """End the process: a thread of it hangs, or a client is lost, and no one can end that."""
    _log.error("the worker ends", reason=reason)
    logging.shutdown()
    os._exit(1)
