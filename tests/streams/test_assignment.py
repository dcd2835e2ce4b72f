"""Partitions come and go: assigned, restored, revoked, lost, also in the midst of a restore."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.contract.topics import INPUT_TOPICS
from streams.runtime.clock import Clock
from streams.state.assignment import InputsOutOfPlaceError
from streams.state.partition import Unusable
from streams.state.restore import LogTruncatedError
from tests.streams.fake_worker import PARTITIONS, FakeWorker, all_logs, fake_broker, worker
from tests.support.fake_broker.broker import Transaction

pytestmark = pytest.mark.asyncio

PROTOCOLS = pytest.mark.parametrize("protocol", ["consumer", "classic"])


def hang(made: FakeWorker, number: int = 0) -> Transaction:
    """Hold up the restore of a partition until the transaction ends."""
    hung = Transaction()
    made.broker.append(made.log("state", number), b"x", b"k", transaction=hung)
    return hung


@PROTOCOLS
async def test_assigned_partitions_are_restored_and_read_from_where_they_are_committed(protocol: str) -> None:
    async with worker(protocol=protocol) as made:
        made.write(5)
        made.commit(2)
        accepted = await made.work()
        accepted += await made.turn_until(lambda: made.assignment.positions()[made.log()] == 5)
        assert [message.offset() for message in accepted] == [2, 3, 4]
        assert made.readiness.reasons == {}
        assert made.assignment.phases() == {"restoring": 0, "catching_up": 1, "working": 1}
        assert made.assignment.caught_up() == {0}
        assert made.assignment.caught_up() == frozenset(), "each once"


async def test_a_partition_without_waiting_inputs_catches_nothing_up() -> None:
    async with worker() as made:
        await made.work()
        assert made.assignment.phases() == {"restoring": 0, "catching_up": 0, "working": PARTITIONS}
        assert made.assignment.positions() == {
            made.log(topic, number): 0 for topic in INPUT_TOPICS for number in range(PARTITIONS)
        }


async def test_nothing_is_read_of_a_partition_while_it_is_restored() -> None:
    async with worker() as made:
        made.write(3)
        hung = hang(made)
        made.assignment.subscribe()
        assert await made.turn_until(lambda: 1 in made.store.partitions) == []
        assert made.readiness.reasons == {"restore": "restoring partitions [0]"}
        made.commit(0)
        made.broker.end(hung, "aborted")
        accepted = await made.turn_until(lambda: made.assignment.positions().get(made.log()) == 3)
        assert len(accepted) == 3


@PROTOCOLS
async def test_a_second_worker_takes_its_half_and_leaves_it_again(protocol: str) -> None:
    broker = fake_broker()
    async with worker(broker, protocol) as first, worker(broker, protocol, "b") as second:
        await first.work()
        second.assignment.subscribe()
        turns = asyncio.gather(
            first.turn_until(lambda: first.store.partitions.keys() == {0}),
            second.turn_until(lambda: second.store.partitions.keys() == {1}),
        )
        await turns
        second.consumer.close()
        assert second.store.partitions == {}
        await first.turn_until(lambda: first.store.partitions.keys() == {0, 1})


async def test_a_partition_revoked_amid_its_restore_never_goes_to_work() -> None:
    broker = fake_broker()
    async with worker(broker) as first, worker(broker, name="b") as second:
        hung = hang(first, 1)
        first.assignment.subscribe()
        await first.turn_until(lambda: first.store.partitions.keys() == {0})
        second.assignment.subscribe()
        second.consumer.poll(0)
        await first.turn_until(lambda: first.assignment.phases()["restoring"] == 0)
        assert first.readiness.reasons == {}, "no restore is waited for any more"
        broker.end(hung, "aborted")
        await second.turn_until(lambda: second.store.partitions.keys() == {1})
        await first.turn_until(first.restores.results.empty)
        assert first.store.partitions.keys() == {0}


async def test_a_result_of_a_restore_that_was_ordered_again_is_dropped() -> None:
    async with worker() as made:
        made.assignment.subscribe()
        made.consumer.poll(0)
        stale = [await made.restored() for _ in range(PARTITIONS)]
        made.assignment.rewind(0)
        for result in stale:
            made.restores.results.put(result)
        made.assignment.settle()
        assert made.store.partitions.keys() == {1}
        await made.turn_until(lambda: 0 in made.store.partitions)


@PROTOCOLS
async def test_lost_partitions_are_dropped_and_taken_again(protocol: str) -> None:
    async with worker(protocol=protocol) as made:
        await made.work()
        before = made.store.partitions[0]
        made.broker.expire(made.consumer)
        await made.turn_until(lambda: len(made.store.partitions) == PARTITIONS and made.store.partitions[0] != before)
        assert made.metrics.rebalances.labels("lost")._value.get() == 1
        assert made.readiness.reasons == {}


async def test_a_partition_of_which_only_some_topics_are_held_waits() -> None:
    async with worker() as made:
        made.assignment.subscribe()
        first, *others = all_logs(made, 0)
        made.assignment._on_assign(made.consumer, others)  # type: ignore[arg-type]  # the fake
        assert made.broker.calls.count("committed") == 0
        made.assignment._on_assign(made.consumer, [first])  # type: ignore[arg-type]  # the fake
        await made.restored()
        made.assignment._on_revoke(made.consumer, [first])  # type: ignore[arg-type]  # the fake
        assert made.assignment.phases()["restoring"] == 1, "the others are held, and paused"


async def test_a_rewound_partition_is_read_again_from_its_committed_offsets() -> None:
    async with worker() as made:
        await made.work()
        made.write(3)
        assert len(await made.turn_until(lambda: made.assignment.positions()[made.log()] == 3)) == 3
        made.commit(1)
        made.assignment.rewind(0, {"site-1": Unusable("FAILED", "Traceback")})
        assert 0 not in made.store.partitions
        accepted = await made.turn_until(lambda: 0 in made.store.partitions and made.assignment.caught_up())
        assert [message.offset() for message in accepted] == [1, 2]


@PROTOCOLS
async def test_a_rewound_partition_keeps_its_clock_and_one_that_is_given_anew_does_not(protocol: str) -> None:
    async with worker(protocol=protocol) as made:
        await made.work()
        wall, steady = 1_000_000, 0
        kept = Clock(0, lambda: wall, lambda: steady)
        made.store.partitions[0].clock = kept
        wall += 600_000
        assert (kept.now(is_armed=True), kept.jumps) == (1_000_000, 1)
        made.assignment.rewind(0)
        await made.turn_until(lambda: 0 in made.store.partitions)
        assert made.store.partitions[0].clock is kept
        assert (made.store.partitions[0].now(), kept.jumps) == (1_000_000, 1), "the jump is still not followed"
        made.commit(0)
        made.broker.append(made.log("state"), None, b"site-1", time_ms=1_020_000)
        made.assignment.rewind(0)
        await made.turn_until(lambda: 0 in made.store.partitions)
        assert made.store.partitions[0].now() == 1_020_000, "another worker was ahead"

        made.assignment.rewind(0)
        made.broker.expire(made.consumer)
        await made.turn_until(lambda: made.metrics.rebalances.labels("lost")._value.get() == 1)
        await made.turn_until(lambda: len(made.store.partitions) == PARTITIONS)
        assert made.store.partitions[0].clock is not kept, "others may have had it meanwhile"


async def test_catching_up_ends_when_its_time_is_over() -> None:
    async with worker() as made:
        made.write(3)
        made.assignment._catch_up_seconds = 0
        made.assignment.subscribe()
        await made.turn_until(lambda: made.assignment.caught_up() == {0})


async def test_catching_up_passes_over_markers() -> None:
    async with worker() as made:
        aborted = Transaction()
        made.broker.append(made.log(), b"x", b"k", transaction=aborted)
        made.broker.end(aborted, "aborted")
        await made.work()
        assert await made.turn_until(lambda: made.assignment.caught_up() == {0}) == []


async def test_a_failed_restore_is_raised_where_the_worker_ends_by_it() -> None:
    async with worker() as made:
        made.commit(5)
        made.assignment.subscribe()
        with pytest.raises(LogTruncatedError):
            await made.work()


async def test_an_input_before_the_committed_offset_ends_the_worker() -> None:
    async with worker() as made:
        made.write(5)
        made.commit(3)
        made.assignment.subscribe()
        made.consumer.poll(0)
        restored = [await made.restored() for _ in range(PARTITIONS)]
        for result in restored:
            made.restores.results.put(result)
        made.assignment.settle()
        made.consumer.seek(TopicPartition(*made.log(), 0))
        messages = made.consumer.consume(5, 0)
        with pytest.raises(InputsOutOfPlaceError, match="read from offset 0, but 3 is committed"):
            made.assignment.accept(messages)  # type: ignore[arg-type]  # the fake's messages


async def test_a_seek_that_fails_ends_the_worker() -> None:
    async with worker() as made:
        made.broker.refuse("seek", KafkaError(KafkaError._TIMED_OUT))
        with pytest.raises(KafkaException):
            await made.work()


@PROTOCOLS
async def test_a_log_that_the_client_stopped_reading_before_it_was_paused_is_read_all_the_same(protocol: str) -> None:
    """Retention has deleted the placeholder, and the client asked for it: it cannot seek any more."""
    async with worker(protocol=protocol) as made:
        made.write(5)
        made.commit(3)
        made.assignment.subscribe()
        made.consumer.poll(0)
        for number in range(PARTITIONS):
            for log in all_logs(made, number):
                made.consumer._fetches[log.topic, log.partition].is_stopped = True
        accepted = await made.turn_until(lambda: made.assignment.positions().get(made.log()) == 5)
        assert [message.offset() for message in accepted] == [3, 4]
        await made.turn_until(lambda: made.store.partitions.keys() == set(range(PARTITIONS)))
        assert made.readiness.reasons == {}
        made.write(1)
        accepted = await made.turn_until(lambda: made.assignment.positions()[made.log()] == 6)
        assert [message.offset() for message in accepted] == [5]
