"""What becomes of a transaction that the broker refuses: undone, repeated, or the end of the worker."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, TopicPartition

from schemas.contract.topics import BrokerLog
from streams.kafka.offset_notes import OffsetNotes
from streams.pipeline.batch import OutputBatch
from streams.pipeline.publish import TooManyAbortsError, Transactions, WorkerFencedError
from tests.support.fake_broker import FakeBroker
from tests.support.fake_broker.broker import Refusal

ABORTABLE = KafkaError(KafkaError.ILLEGAL_GENERATION, txn_requires_abort=True)
AGAIN = KafkaError(KafkaError._TIMED_OUT, retriable=True)
FATAL = KafkaError(KafkaError._FENCED, fatal=True)
BEGIN, PRODUCE, METADATA = "begin_transaction", "produce", "consumer_group_metadata"
OFFSETS, COMMIT, ABORT = "send_offsets_to_transaction", "commit_transaction", "abort_transaction"
GROUP = "workers"


class Scene:
    """A worker's transactions on a fake broker; each call refused as often as ``refuse`` has something for it."""

    def __init__(self, refuse: dict[str, list[Refusal]] | None = None, *, has_begun: bool = True) -> None:
        self.broker = FakeBroker({"state": 1, "alerts": 1})
        self.now = 0.0
        self.consumer = self.broker.consumer({"group.id": GROUP})
        self.consumer.subscribe(["alerts"])
        self.made = self.life()
        if has_begun:
            self.made.begin()
        self.broker.calls.clear()
        for call, errors in (refuse or {}).items():
            self.broker.refuse(call, *errors)

    def life(self) -> Transactions:
        """The transactions of another life of the same worker."""
        producer = self.broker.producer({"transactional.id": "w"})
        return Transactions(producer, self.consumer, 3, lambda: self.now)  # type: ignore[arg-type]  # the fakes

    @property
    def calls(self) -> list[str]:
        return self.broker.calls

    def values(self) -> list[bytes | None]:
        """What a reader with read_committed reads of ``state``."""
        reader = self.broker.consumer({"group.id": "reader", "auto.offset.reset": "earliest"})
        reader.incremental_assign([TopicPartition("state", 0, 0)])
        return [message.value() for message in reader.consume(100, 0)]

    @property
    def committed(self) -> int | None:
        """The offset committed of ``alerts``."""
        offset, _ = self.broker.committed.get((GROUP, ("alerts", 0)), (None, ""))
        return offset


def batch() -> OutputBatch:
    return OutputBatch(records=[("state", b"v", b"k", 0, None, None, 1)], next_offsets=[("alerts", 0, 5)])


def test_all_of_it_in_one_transaction_the_group_asked_right_before_its_offsets() -> None:
    scene = Scene()
    assert scene.made.commit(batch())
    assert scene.calls == [BEGIN, PRODUCE, METADATA, OFFSETS, COMMIT]
    assert (scene.values(), scene.committed) == ([b"v"], 5)


def test_without_offsets_the_group_is_not_asked() -> None:
    scene = Scene()
    assert scene.made.commit(OutputBatch(records=batch().records))
    assert scene.calls == [BEGIN, PRODUCE, COMMIT]
    assert scene.committed is None


def test_what_is_noted_of_a_log_goes_with_its_offset() -> None:
    scene = Scene()
    assert scene.made.commit(
        OutputBatch(next_offsets=[("alerts", 0, 5)], notes={BrokerLog(("alerts", 0)): OffsetNotes(3, 7)})
    )
    assert scene.broker.committed[GROUP, ("alerts", 0)] == (5, "deleted=3 passed=7")


def test_what_may_be_repeated_is_repeated_until_the_broker_answers() -> None:
    refuse: dict[str, list[Refusal]] = {"init_transactions": [AGAIN, AGAIN], COMMIT: [AGAIN, AGAIN], OFFSETS: [AGAIN]}
    scene = Scene(refuse, has_begun=False)
    scene.made.begin()
    assert scene.made.commit(batch())
    assert scene.calls.count("init_transactions") == 3
    assert scene.calls.count(OFFSETS) == 2
    assert scene.calls.count(COMMIT) == 3
    assert ABORT not in scene.calls
    assert scene.values() == [b"v"]


def test_a_full_queue_is_waited_for() -> None:
    scene = Scene({PRODUCE: [BufferError("full"), BufferError("full")]})
    assert scene.made.commit(batch())
    assert scene.calls.count(PRODUCE) == 3
    assert scene.values() == [b"v"]


@pytest.mark.parametrize("call", [OFFSETS, COMMIT])
def test_what_is_only_refused_is_undone(call: str) -> None:
    scene = Scene({call: [ABORTABLE]})
    assert not scene.made.commit(batch())
    assert scene.calls[-1] == ABORT
    assert (scene.values(), scene.committed) == ([], None)
    assert scene.made.refusal == ABORTABLE.name()
    assert scene.made.commit(batch())
    assert (scene.values(), scene.committed) == ([b"v"], 5)


def test_the_offsets_of_a_member_that_the_group_has_dropped_are_undone() -> None:
    scene = Scene()
    scene.broker.expire(scene.consumer)
    assert not scene.made.commit(batch())
    assert (scene.made.refusal, scene.values(), scene.committed) == ("UNKNOWN_MEMBER_ID", [], None)


def test_a_record_refused_because_its_transaction_failed_is_undone() -> None:
    scene = Scene({PRODUCE: [KafkaError(KafkaError._STATE)]})
    assert not scene.made.commit(batch())
    assert scene.calls[-1] == ABORT


def test_an_abort_that_is_not_answered_is_repeated() -> None:
    scene = Scene({COMMIT: [ABORTABLE], ABORT: [AGAIN]})
    assert not scene.made.commit(batch())
    assert scene.calls.count(ABORT) == 2


def test_what_is_refused_for_good_ends_the_worker_with_what_to_do() -> None:
    scene = Scene({COMMIT: [KafkaError(KafkaError.INVALID_TIMESTAMP)]})
    with pytest.raises(WorkerFencedError, match="INVALID_TIMESTAMP: this worker's clock"):
        scene.made.commit(batch())
    assert scene.calls[-1] == ABORT


def test_too_many_refusals_in_a_minute_end_the_worker() -> None:
    scene = Scene({COMMIT: [ABORTABLE] * 9})
    for scene.now in (0.0, 1.0, 2.0):
        assert not scene.made.commit(batch())
    for scene.now in (61.0, 61.5):  # the first two are more than a minute ago
        assert not scene.made.commit(batch())
    with pytest.raises(TooManyAbortsError, match="4 transactions"):
        scene.made.commit(batch())


def test_a_fenced_worker_ends() -> None:
    with pytest.raises(WorkerFencedError, match=r"_FENCED: another process has this worker\.id"):
        Scene({COMMIT: [FATAL]}).made.commit(batch())
    with pytest.raises(WorkerFencedError, match="_FENCED"):
        Scene({COMMIT: [ABORTABLE], ABORT: [FATAL]}).made.commit(batch())


def test_another_process_with_its_id_fences_it_and_nothing_of_it_is_read() -> None:
    scene = Scene()
    other = scene.life()
    other.begin()
    with pytest.raises(WorkerFencedError, match="_FENCED"):
        scene.made.commit(batch())
    assert scene.values() == []
    assert other.commit(batch())


def test_the_next_life_ends_the_transaction_that_was_open() -> None:
    scene = Scene({COMMIT: [AGAIN]})
    scene.made.stop()
    with pytest.raises(WorkerFencedError):
        scene.made.commit(batch())
    assert scene.broker.logs["state", 0].last_stable == 0, "stopped, it leaves it to the time-out"
    scene.life().begin()
    assert scene.broker.logs["state", 0].last_stable == scene.broker.logs["state", 0].end
    assert scene.values() == []


def test_an_error_of_our_own_aborts_and_ends_the_worker() -> None:
    scene = Scene({PRODUCE: [TypeError("not a record")]})
    with pytest.raises(TypeError):
        scene.made.commit(batch())
    assert scene.calls[-1] == ABORT


def test_an_abort_that_fails_does_not_hide_the_error_before_it() -> None:
    scene = Scene({PRODUCE: [TypeError("not a record")], ABORT: [FATAL]})
    with pytest.raises(TypeError):
        scene.made.commit(batch())


def test_a_worker_that_is_to_stop_makes_no_further_attempt() -> None:
    scene = Scene({COMMIT: [AGAIN] * 9})
    scene.made.stop()
    with pytest.raises(WorkerFencedError):
        scene.made.commit(batch())
    assert scene.calls.count(COMMIT) == 1


def test_the_seconds_are_those_of_the_transaction_under_way() -> None:
    scene = Scene()
    assert scene.made.seconds == 0
    scene.made._since = 0.0
    scene.now = 4.0
    assert scene.made.seconds == 4
    assert scene.made.commit(batch())
    assert scene.made.seconds == 0
