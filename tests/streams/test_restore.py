"""A restore: what it asks in which order, what it waits for, and what it refuses to go on from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from schemas.avro.errors import RegistryUnreachable
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.state import EMPTY
from streams.state.rebuild import Rebuild
from streams.state.restore import LogTruncatedError, OffsetsLostError, Order
from tests.streams.fake_worker import FakeWorker, worker
from tests.streams.messages import CODEC, SITE_RECORDS, site
from tests.streams.test_rebuild import opened
from tests.support.fake_broker.broker import TIMED_OUT, Transaction

pytestmark = pytest.mark.asyncio

STATE = CODEC.encode_state(opened(1_000))


def order(made: FakeWorker, number: int = 0) -> Order:
    made.restores.order(ordered := Order(number, {}))
    return ordered


async def test_an_empty_partition_begins_at_its_begins() -> None:
    async with worker() as made:
        order(made)
        restored = await made.restored()
    assert restored.partition.first_inputs == dict.fromkeys(INPUT_TOPICS, 0)
    assert restored.partition.waiting == {}


async def test_states_and_sites_are_read_and_inputs_wait_from_where_they_are_committed() -> None:
    async with worker() as made:
        made.write(1, "sites")
        made.write(5)
        made.commit(2, "deleted=3")
        made.broker.append(made.log("state"), STATE, b"site-1")
        order(made)
        restored = await made.restored()
    partition = restored.partition
    assert partition.states == {"site-1": STATE}
    assert partition.sites["site-1"].offset == 0
    assert (partition.first_inputs["alerts"], partition.waiting) == (2, {"alerts": 5, "sites": 1})
    assert partition.deleted == {"alerts": 3}


async def test_it_waits_for_the_transaction_that_may_still_move_the_offsets() -> None:
    async with worker() as made:
        made.write(5)
        producer = made.broker.producer({"transactional.id": "dead"})
        producer.init_transactions()
        producer.begin_transaction()
        producer.produce(made.settings.topic("state"), STATE, b"site-1", 0)
        assert producer.transaction is not None
        producer.transaction.offsets[made.group, made.log()] = (4, "")
        order(made)
        await asyncio.sleep(0.3)
        assert made.restores.results.empty()
        producer.commit_transaction()
        restored = await made.restored()
    assert restored.partition.first_inputs["alerts"] == 4
    assert restored.partition.states == {"site-1": STATE}


@pytest.mark.slow
async def test_what_waits_for_a_registry_ends_with_its_order_and_with_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_: Rebuild, message: Any) -> None:
        raise RegistryUnreachable("it is away")

    async with worker() as made:
        monkeypatch.setattr(Rebuild, "take_site", away)
        made.write(2, "sites")
        order(made)
        await made.turn_until(lambda: "registry" in made.readiness.reasons)
        made.restores.cancel(0)
        order(made, 1)
        assert (await made.restored()).partition.number == 1
        order(made)
        await asyncio.sleep(0.2)
        await asyncio.wait_for(asyncio.to_thread(made.reader.close), 10)
        assert made.restores.results.empty()


async def test_committed_records_behind_an_open_transaction_are_read_once_it_ends() -> None:
    async with worker() as made:
        hung = Transaction()
        made.broker.append(made.log("state"), b"aborted", b"site-2", transaction=hung)
        made.broker.append(made.log("state"), STATE, b"site-1")
        made.commit(0)
        order(made)
        await asyncio.sleep(0.2)
        assert made.restores.results.empty(), "the end is the high watermark, not the last stable offset"
        made.broker.end(hung, "aborted")
        restored = await made.restored()
    assert restored.partition.states == {"site-1": STATE}


@pytest.mark.parametrize("call", ["committed", "offsets_for_times"])
async def test_a_question_that_is_not_answered_is_repeated(call: str) -> None:
    async with worker() as made:
        made.broker.refuse(call, TIMED_OUT, TIMED_OUT)
        order(made)
        await made.restored()
        assert made.broker.calls.count(call) >= 3


async def test_a_broker_that_comes_back_ends_the_wait() -> None:
    async with worker() as made:
        with made.broker.outage():
            order(made)
            await asyncio.sleep(0.2)
            assert made.restores.results.empty()
        await made.restored()


async def test_inputs_deleted_before_they_were_handled_are_counted() -> None:
    async with worker() as made:
        made.write(5)
        made.commit(1, "deleted=2")
        made.broker.trim(made.log(), 4)
        order(made)
        restored = await made.restored()
        counted = made.metrics.deleted.labels("alerts", "0")._value.get()
    assert restored.partition.first_inputs["alerts"] == 4
    assert restored.partition.deleted == {"alerts": 5}, "those told before, and those of now"
    assert counted == 3
    assert restored.partition.seconds_to_renew() == 0, "or each restore would count them again, until an input comes"


async def test_what_was_read_and_is_no_input_is_not_counted_when_it_is_deleted() -> None:
    async with worker() as made:
        made.write(5)
        made.commit(1, "deleted=2 passed=3")
        for begin, deleted in ((3, 2), (4, 3)):
            made.broker.trim(made.log(), begin)
            order(made)
            restored = await made.restored()
            assert restored.partition.deleted == {"alerts": deleted}
            assert (restored.partition.seconds_to_renew() == 0) == (deleted == 3)
            assert restored.partition.passed["alerts"] == 3, "a commit before the first look keeps it"


async def test_a_log_that_ends_before_the_committed_offset_is_refused() -> None:
    async with worker() as made:
        made.write(5)
        made.commit(5)
        made.broker.recreate(made.log())
        order(made)
        with pytest.raises(LogTruncatedError, match=r"it ends at offset 0, before the committed 5"):
            await made.restored()


@pytest.mark.parametrize("value", [STATE, None])
async def test_a_group_without_offsets_of_a_partition_that_has_states_is_refused(value: bytes | None) -> None:
    async with worker() as made:
        made.broker.append(made.log("state"), value, b"site-1")
        order(made)
        with pytest.raises(OffsetsLostError, match="partition 0 was worked on"):
            await made.restored()


async def test_sites_that_the_registry_keeps_from_being_read_are_logged() -> None:
    names = [name for name in map(str, range(100)) if not SITE_RECORDS.is_misplaced(name.encode(), 0)][:2]
    async with worker() as made:
        made.write(1, "sites")
        for name in names:
            made.broker.append(made.log("sites"), confluent(7) + site(name)[SINGLE_OBJECT_SIZE:], name.encode())
        made.commit(3, topic="sites")
        with capture_logs() as lines:
            order(made)
            restored = await made.restored()
    assert restored.partition.unreadable_sites == set(names)
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert line["event"] == "sites cannot be read: the schema registry is not that of their day"
    assert (line["partition"], line["sites"], line["first"]) == (0, 2, 1)
    assert line["reason"] == "framed for a schema registry, and registry.url is not set"


async def test_a_cancelled_restore_gives_no_result_and_the_next_one_is_whole() -> None:
    async with worker() as made:
        hung = Transaction()
        made.broker.append(made.log("state"), b"x", b"site-2", transaction=hung)
        made.broker.append(made.log("state"), STATE, b"site-1")
        made.commit(0)
        order(made)
        await asyncio.sleep(0.2)
        made.restores.cancel(0)
        second = order(made)
        made.broker.end(hung, "aborted")
        restored = await made.restored()
        assert restored.order is second
        assert restored.partition.states == {"site-1": STATE}
        await asyncio.sleep(0.1)
        assert made.restores.results.empty()


async def test_partitions_do_not_wait_for_each_other() -> None:
    async with worker() as made:
        hung = Transaction()
        made.broker.append(made.log("state", 1), b"x", b"site-2", transaction=hung)
        order(made, 1)
        order(made, 0)
        assert (await made.restored()).order.number == 0
        made.broker.end(hung, "aborted")
        assert (await made.restored()).order.number == 1


async def test_a_fatal_error_of_the_reader_ends_the_restore() -> None:
    async with worker() as made:
        hung = Transaction()
        made.broker.append(made.log("state"), b"x", b"site-2", transaction=hung)
        order(made)
        await asyncio.sleep(0.2)
        made.broker.refuse("consume", KafkaError(KafkaError._FATAL, fatal=True))
        with pytest.raises(KafkaException):
            await made.restored()


async def test_an_empty_state_is_kept() -> None:
    async with worker() as made:
        made.commit(0)
        made.broker.append(made.log("state"), CODEC.encode_state(EMPTY), b"site-1")
        order(made)
        assert list((await made.restored()).partition.states) == ["site-1"]
