"""The thread that reads chunks, on the fake broker: one in flight, errors, and the ways to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import SimpleQueue

import pytest
from confluent_kafka import KafkaError, KafkaException

from service import hearing
from streams.pipeline import read
from streams.pipeline.chunk import InputChunk
from streams.pipeline.read import ChunkReader
from tests.streams.fake_worker import PARTITIONS, FakeWorker, worker
from tests.support.fake_broker.broker import Transaction

pytestmark = pytest.mark.asyncio

SECONDS = 20.0


class Scene:
    """A chunk reader and the chunks that it has handed over."""

    def __init__(self, made: FakeWorker, chunk_max: int) -> None:
        self.worker = made
        self.chunks: SimpleQueue[InputChunk] = SimpleQueue()
        self.reader = ChunkReader(
            made.consumer,  # type: ignore[arg-type]  # the fake
            made.assignment,
            made.store,
            chunk_max,
            made.metrics,
            self.chunks.put,
        )
        self.ended = self.reader.start()

    async def chunk(self) -> InputChunk:
        """The next chunk."""
        return await asyncio.to_thread(self.chunks.get, timeout=SECONDS)

    async def at_work(self) -> None:
        """Wait until all partitions are at work."""
        async with asyncio.timeout(SECONDS):
            while len(self.worker.store.partitions) < PARTITIONS:  # noqa: ASYNC110 - the store sets no event
                await asyncio.sleep(0.005)

    async def end(self) -> None:
        """Wait for the thread's end. Raises what ended it."""
        await asyncio.wait_for(self.ended, SECONDS)


@asynccontextmanager
async def scene(chunk_max: int = 100) -> AsyncIterator[Scene]:
    async with worker() as made:
        played = Scene(made, chunk_max)
        try:
            yield played
        finally:
            played.reader.stop()
            played.reader.abandon()
            await asyncio.wait({played.ended}, timeout=SECONDS)
            if played.ended.done() and not played.ended.cancelled():
                played.ended.exception()


async def test_a_consumer_that_brings_nothing_is_asked_whether_a_broker_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hearing, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(read, "_NOTE_SECONDS", 0.0)
    async with scene() as played:
        await played.at_work()
        for away in (True, False):
            played.worker.broker.away = away
            async with asyncio.timeout(SECONDS):
                while (played.reader.hearing.seconds > 0) is not away:  # noqa: ASYNC110 - nor does it set one
                    await asyncio.sleep(0.005)


async def test_a_record_is_an_answer_and_a_consumer_that_brings_some_is_not_asked() -> None:
    async with scene() as played:
        await played.at_work()
        played.reader.hearing.note(is_answered=False)
        assert played.reader.hearing.seconds > 0
        played.worker.write(1)
        await played.chunk()
        assert played.reader.hearing.seconds == 0


async def test_one_chunk_is_in_flight_and_holds_at_most_chunk_max() -> None:
    async with scene(chunk_max=2) as played:
        await played.at_work()
        played.worker.write(3)
        chunk = await played.chunk()
        assert 1 <= len(chunk.messages) <= 2
        assert played.reader.chunk is chunk
        await asyncio.sleep(0.15)
        assert played.chunks.empty()
        offsets = [message.offset() for message in chunk.messages]
        while len(offsets) < 3:
            chunk.done.put({})
            chunk = await played.chunk()
            offsets += [message.offset() for message in chunk.messages]
        chunk.done.put({})
        assert offsets == [0, 1, 2]


@pytest.mark.slow
async def test_how_far_it_has_read_is_noted_in_the_partitions_with_the_markers_that_no_message_shows() -> None:
    async with scene() as played:
        await played.at_work()
        written = Transaction()
        played.worker.broker.append(played.worker.log(), b"x", b"k", transaction=written)
        played.worker.broker.end(written, "committed")
        (await played.chunk()).done.put({})
        async with asyncio.timeout(SECONDS):
            while played.worker.store.partitions[0].passed.get("alerts") != 2:  # noqa: ASYNC110 - the store sets no event
                await asyncio.sleep(0.005)


async def test_a_rewind_has_the_inputs_read_again() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.write(1)
        (await played.chunk()).done.put({0: {}})
        chunk = await played.chunk()
        assert [message.offset() for message in chunk.messages] == [0]
        chunk.done.put({})


async def test_stopped_it_finishes_the_chunk_and_leaves_the_group() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.write(1)
        chunk = await played.chunk()
        played.reader.stop()
        await asyncio.sleep(0.1)
        assert not played.ended.done()
        chunk.done.put({})
        await played.end()
        assert played.worker.consumer.is_closed
        assert played.worker.store.partitions == {}


async def test_stopped_while_waiting_for_a_restore_it_leaves_at_once() -> None:
    async with scene() as played:
        with played.worker.broker.outage():
            played.reader.stop()
            await played.end()
        assert played.worker.consumer.is_closed


async def test_abandoned_it_does_not_touch_the_consumer_any_more() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.write(1)
        await played.chunk()
        played.reader.abandon()
        await played.end()
        assert not played.worker.consumer.is_closed


async def test_an_error_of_the_stages_ends_it() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.write(1)
        (await played.chunk()).done.put(ValueError("stage"))
        with pytest.raises(ValueError, match="stage"):
            await played.end()
        assert played.worker.consumer.is_closed


async def test_a_passing_error_is_counted() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.broker.event(KafkaError(KafkaError._TRANSPORT))
        played.worker.write(1)
        (await played.chunk()).done.put({})
        assert played.worker.metrics.kafka_errors.labels("_TRANSPORT")._value.get() == 1


async def test_a_fatal_error_ends_it() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.broker.event(KafkaError(KafkaError._FATAL, fatal=True))
        with pytest.raises(KafkaException):
            await played.end()


async def test_a_position_that_the_broker_does_not_know_ends_it() -> None:
    async with scene() as played:
        await played.at_work()
        played.worker.write(5)
        chunk = await played.chunk()
        played.worker.broker.recreate(played.worker.log())
        chunk.done.put({})
        while not played.ended.done():  # the inputs before it may come in several chunks
            await asyncio.wait({played.ended}, timeout=0.02)
            if not played.chunks.empty():
                played.chunks.get().done.put({})
        with pytest.raises(KafkaException) as ended:
            await played.end()
        assert ended.value.args[0].code() == KafkaError._AUTO_OFFSET_RESET
