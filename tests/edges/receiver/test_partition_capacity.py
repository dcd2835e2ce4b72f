"""A partition's room: counted in events, given in turn, never out of reach for good."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest

from edges.receiver.partition_capacity import PartitionCapacity

pytestmark = pytest.mark.asyncio


class Partition:
    """One partition with room for four events."""

    def __init__(self) -> None:
        self.capacity = PartitionCapacity(4)
        self.connection = mock.Mock()

    async def acquire(self, events: int, seconds: float = 5.0) -> bool:
        return await self.capacity.acquire(0, events, asyncio.get_running_loop().time() + seconds, self.connection)

    def release(self, events: int) -> None:
        self.capacity.release(0, events)


async def test_a_frame_takes_as_much_room_as_it_has_events() -> None:
    partition = Partition()
    assert not await partition.acquire(2)
    assert not await partition.acquire(2)
    with pytest.raises(TimeoutError):
        await partition.acquire(1, 0.01)
    assert partition.connection.mock_calls == [mock.call.pause(), mock.call.resume()]
    partition.release(2)
    assert not await partition.acquire(1)
    assert not await partition.acquire(1)


async def test_small_frames_do_not_keep_a_large_one_waiting() -> None:
    partition = Partition()
    await partition.acquire(2)
    large = asyncio.create_task(partition.acquire(3))
    await asyncio.sleep(0)
    small = asyncio.create_task(partition.acquire(1))
    await asyncio.sleep(0.01)
    assert not large.done()
    assert not small.done()
    partition.release(2)
    assert await large
    assert await small


async def test_a_frame_of_more_events_than_there_is_room_for_takes_all_of_it() -> None:
    partition = Partition()
    assert not await partition.acquire(1340)
    with pytest.raises(TimeoutError):
        await partition.acquire(1, 0.01)
    partition.release(1340)
    assert not await partition.acquire(4)
    partition.release(4)
    assert not await partition.acquire(1)
    large = asyncio.create_task(partition.acquire(1340))
    await asyncio.sleep(0.01)
    partition.release(1)
    assert await large


async def test_where_a_large_frame_gives_up_those_behind_it_enter() -> None:
    partition = Partition()
    await partition.acquire(2)
    large = asyncio.create_task(partition.acquire(3, 0.02))
    await asyncio.sleep(0)
    small = asyncio.create_task(partition.acquire(2))
    with pytest.raises(TimeoutError):
        await large
    assert await small
    with pytest.raises(TimeoutError):
        await partition.acquire(1, 0.01)


async def test_room_that_came_as_a_frame_gave_up_is_given_on() -> None:
    partition = Partition()
    await partition.acquire(4)
    gone = asyncio.create_task(partition.acquire(4))
    await asyncio.sleep(0)
    partition.release(4)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert not await partition.acquire(4)
