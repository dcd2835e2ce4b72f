"""The stages as Faust agents, joined by channels: decode, escalate, publish (architecture.md §2).

An agent takes a whole chunk at a time, and only one chunk is under way. What goes wrong in a stage ends the
chunk, and with it the worker: the source waits for the chunk and raises it (architecture.md §3).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from service.logs import logger
from service.patience import registry_answer
from streams.pipeline.batch import OutputBatch
from streams.pipeline.chunk import InputChunk, Rewind
from streams.pipeline.decode import Decoder, Inbox
from streams.runtime import gc_control

if TYPE_CHECKING:
    import faust

    from service.readiness import ProcessReadiness
    from streams.observe.metrics import Metrics
    from streams.pipeline.decide import Decider
    from streams.pipeline.publish import Transactions
    from streams.state.partition import Store

_log = logger(__name__)


class Stages(NamedTuple):
    """What the agents work with. All of the transactions happens in the one thread of ``transaction_thread``."""

    decoder: Decoder
    decider: Decider
    transactions: Transactions
    transaction_thread: Executor
    store: Store
    readiness: ProcessReadiness
    metrics: Metrics
    asks_registry: bool  # decoding may ask over the network, so it is not done in the event loop

    async def decode(self, chunk: InputChunk) -> dict[int, Inbox]:
        """The chunk's records as values, by partition; waits for a schema registry that does not answer."""
        decode = partial(self.decoder.chunk, chunk.messages)
        if not self.asks_registry:
            return decode()
        return await registry_answer(decode, self.readiness, self.metrics.registry_failures)

    async def escalate(self, chunk: InputChunk, inboxes: dict[int, Inbox]) -> OutputBatch:
        """What the chunk comes to; other tasks have their turn within a large one."""
        batch = OutputBatch()
        for _ in self.decider.decide(inboxes, chunk.caught_up, batch):
            await asyncio.sleep(0)
        return batch

    async def publish(self, batch: OutputBatch) -> Rewind:
        """Commit it, and only then let it be the partitions' present; what must be restored if that fails."""
        if not batch.is_empty:
            begun = time.monotonic()
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(self.transaction_thread, self.transactions.commit, batch):
                self.metrics.aborts.labels(self.transactions.refusal).inc()
                return {number: {} for number in self.store.partitions}
            self.metrics.transaction_seconds.observe(time.monotonic() - begun)
        for overlay in batch.overlays:
            overlay.commit()
        self.metrics.count(batch.tally)
        for level, event, facts in batch.tally.lines:
            getattr(_log, level)(event, **facts)
        gc_control.look()
        return batch.unusable


def declare(app: faust.App, stages: Stages) -> Callable[[InputChunk], Coroutine[Any, Any, None]]:
    """Make the agents; what comes back puts a chunk into the first."""
    # Faust's types have only its own events on a channel; it passes on any value.
    read: Any = app.channel()
    decoded: Any = app.channel()
    decided: Any = app.channel()

    @app.agent(read, name="decode")
    async def decode(chunks: AsyncIterable[InputChunk]) -> None:
        async for chunk in chunks:
            with _ending(chunk):
                await decoded.put((chunk, await stages.decode(chunk)))

    @app.agent(decoded, name="escalate")
    async def escalate(chunks: AsyncIterable[tuple[InputChunk, dict[int, Inbox]]]) -> None:
        async for chunk, inboxes in chunks:
            with _ending(chunk):
                await decided.put((chunk, await stages.escalate(chunk, inboxes)))

    @app.agent(decided, name="publish")
    async def publish(chunks: AsyncIterable[tuple[InputChunk, OutputBatch]]) -> None:
        async for chunk, batch in chunks:
            with _ending(chunk):
                chunk.done.put(await stages.publish(batch))

    put: Callable[[InputChunk], Coroutine[Any, Any, None]] = read.put
    return put


@contextmanager
def _ending(chunk: InputChunk) -> Iterator[None]:
    """Have the source raise what a stage raises; the agent itself goes on, as Faust would restart it anyway."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        chunk.done.put(error)
