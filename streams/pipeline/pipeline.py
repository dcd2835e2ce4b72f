"""A chunk's way through the worker: ``publish(decide(decode(chunk)))`` (architecture.md §2, §3).

Each stage is a Faust agent behind a channel. It takes a whole chunk at a time, and only one chunk is under way. What
goes wrong in a stage ends the chunk, and with it the worker: the reader waits for the chunk and raises it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from service import gc_control
from service.logs import logger
from service.pauses import registry_answer
from streams.pipeline.batch import OutputBatch
from streams.pipeline.chunk import DecodedChunk, InputChunk, Rewind
from streams.pipeline.decode import Decoder
from streams.pipeline.publish import TIME_REFUSED

if TYPE_CHECKING:
    import faust

    from service.readiness import ProcessReadiness
    from streams.observe.metrics import Metrics
    from streams.pipeline.decide import Decider
    from streams.pipeline.publish import Transactions
    from streams.state.partition import Store

_log = logger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class Pipeline:
    """The stages of one worker.

    Decoding ``asks_registry`` over the network: then it is not done in the event loop. All of the transactions happens
    in the one thread of ``transaction_thread``.
    """

    def __init__(
        self,
        app: faust.App,
        decoder: Decoder,
        decider: Decider,
        transactions: Transactions,
        transaction_thread: Executor,
        store: Store,
        readiness: ProcessReadiness,
        metrics: Metrics,
        *,
        asks_registry: bool,
    ) -> None:
        self._decoder = decoder
        self._decider = decider
        self._transactions = transactions
        self._transaction_thread = transaction_thread
        self._store = store
        self._readiness = readiness
        self._metrics = metrics
        self._asks_registry = asks_registry
        self._decode_agent = _agent(app, "decode", self.decode)
        self._decide_agent = _agent(app, "decide", self.decide)
        self._publish_agent = _agent(app, "publish", self.publish)

    async def handle(self, chunk: InputChunk) -> None:
        """Take a chunk through the stages, and tell its reader what came of it."""
        decode, decide, publish = self._decode_agent, self._decide_agent, self._publish_agent
        try:
            chunk.done.put(await publish(await decide(await decode(chunk))))
        except Exception as error:  # noqa: BLE001  # the reader raises it
            chunk.done.put(error)

    async def decode(self, chunk: InputChunk) -> DecodedChunk:
        """Make values of the chunk's records, by partition; waits for a schema registry that does not answer."""
        decode = partial(self._decoder.chunk, chunk.messages)
        if self._asks_registry:
            inboxes = await registry_answer(decode, self._readiness, self._metrics.registry_failures)
        else:
            inboxes = decode()
        return DecodedChunk(inboxes, chunk.caught_up)

    async def decide(self, chunk: DecodedChunk) -> OutputBatch:
        """Make the outputs of it; other tasks have their turn within a large one."""
        batch = OutputBatch()
        for _ in self._decider.decide(chunk.inboxes, chunk.caught_up, batch):
            await asyncio.sleep(0)
        return batch

    async def publish(self, batch: OutputBatch) -> Rewind:
        """Commit it, and only then let it be the partitions' present; return what must be restored if that fails."""
        parts = {number for _, number, _ in batch.next_offsets}
        assert not parts & batch.unusable.keys(), "a partition that is restored commits nothing"
        if not batch.is_empty:
            begun = time.monotonic()
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(self._transaction_thread, self._transactions.commit, batch):
                self._metrics.aborts.labels(self._transactions.refusal).inc()
                self._metrics.count_jumps(batch.tally)
                partitions = self._store.partitions
                if self._transactions.refusal == TIME_REFUSED:
                    # A clock that is ahead would go on so, also once the machine's is right; nothing is kept of it. One
                    # that is behind does not follow a jump, and goes on not to.
                    for clock in (overlay.partition.clock for overlay in batch.overlays):
                        if clock.ahead_ms > 0:
                            clock.follow_wall(0)
                return {number: batch.unusable.get(number, partitions[number].unusable) for number in partitions}
            self._metrics.transaction_seconds.observe(time.monotonic() - begun)
        for overlay in batch.overlays:
            overlay.commit()
        self._metrics.count(batch.tally)
        for level, event, facts in batch.tally.lines:
            getattr(_log, level)(event, **facts)
        gc_control.collect_if_due()
        return batch.unusable


def _agent(app: faust.App, name: str, stage: Callable[[T], Awaitable[R]]) -> Callable[[T], Awaitable[R]]:
    """Make a stage's agent; what comes back puts a chunk on its channel, and waits for what the stage makes of it."""
    channel: Any = app.channel()  # Faust's types have only its own events on a channel; it passes on any value

    @app.agent(channel, name=name)
    async def agent(chunks: AsyncIterable[tuple[T, asyncio.Future[R]]]) -> None:
        async for chunk, made in chunks:
            try:
                made.set_result(await stage(chunk))
            except Exception as error:  # noqa: BLE001  # the agent goes on, as Faust would restart it anyway
                made.set_exception(error)

    async def ask(chunk: T) -> R:
        made: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        await channel.put((chunk, made))
        return await made

    return ask
