"""What becomes of a transaction that the broker refuses: undone, repeated, or the end of the worker.

The broker's refusals are made by hand here: a real one gives most of them only when something is broken.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from streams.pipeline import publish
from streams.pipeline.batch import OutputBatch
from streams.pipeline.publish import TooManyAbortsError, Transactions, WorkerFencedError

ABORTABLE = KafkaError(KafkaError.ILLEGAL_GENERATION, txn_requires_abort=True)
AGAIN = KafkaError(KafkaError._TIMED_OUT, retriable=True)
FATAL = KafkaError(KafkaError._FENCED, fatal=True)


class Broken:
    """A producer and a consumer in one; each call is noted, and refused as long as ``refuse`` has something for it."""

    def __init__(self, **refuse: list[Any]) -> None:
        self.refuse = refuse
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.refuse.get(name):
            error = self.refuse[name].pop(0)
            raise error if isinstance(error, Exception) else KafkaException(error)

    def init_transactions(self, _timeout: float) -> None:
        self._call("init")

    def begin_transaction(self) -> None:
        self._call("begin")

    def produce(self, *_record: object) -> None:
        self._call("produce")

    def poll(self, _timeout: float) -> int:
        return 0

    def consumer_group_metadata(self) -> str:
        self._call("metadata")
        return "metadata"

    def send_offsets_to_transaction(self, _offsets: object, _group: object, _timeout: float) -> None:
        self._call("offsets")

    def commit_transaction(self, _timeout: float) -> None:
        self._call("commit")

    def abort_transaction(self, _timeout: float) -> None:
        self._call("abort")


def transactions(broken: Broken, time: list[float] | None = None) -> Transactions:
    now = time or [0.0]
    return Transactions(cast("Producer", broken), cast("Consumer", broken), 3, lambda: now[0])


def batch() -> OutputBatch:
    return OutputBatch(records=[("state", b"v", b"k", 0, None, None, 1)], next_offsets=[("alerts", 0, 5)])


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_PAUSE_SECONDS", 0)


def test_all_of_it_in_one_transaction_the_group_asked_right_before_its_offsets() -> None:
    broken = Broken()
    assert transactions(broken).commit(batch())
    assert broken.calls == ["begin", "produce", "metadata", "offsets", "commit"]


def test_what_may_be_repeated_is_repeated_until_the_broker_answers() -> None:
    broken = Broken(init=[AGAIN, AGAIN], commit=[AGAIN, AGAIN], offsets=[AGAIN])
    made = transactions(broken)
    made.begin()
    assert made.commit(batch())
    assert broken.calls.count("init") == 3
    assert broken.calls.count("offsets") == 2
    assert broken.calls.count("commit") == 3
    assert "abort" not in broken.calls


def test_a_full_queue_is_waited_for() -> None:
    broken = Broken(produce=[BufferError("full"), BufferError("full")])
    assert transactions(broken).commit(batch())
    assert broken.calls.count("produce") == 3


@pytest.mark.parametrize("call", ["offsets", "commit"])
def test_what_is_only_refused_is_undone(call: str) -> None:
    broken = Broken(**{call: [ABORTABLE]})
    made = transactions(broken)
    assert not made.commit(batch())
    assert broken.calls[-1] == "abort"
    assert made.refusal == ABORTABLE.name()
    assert made.commit(batch())


def test_a_record_refused_because_its_transaction_failed_is_undone() -> None:
    broken = Broken(produce=[KafkaError(KafkaError._STATE)])
    assert not transactions(broken).commit(batch())
    assert broken.calls[-1] == "abort"


def test_too_many_refusals_in_a_minute_end_the_worker() -> None:
    broken, time = Broken(commit=[ABORTABLE] * 9), [0.0]
    made = transactions(broken, time)
    for time[0] in (0.0, 1.0, 2.0):
        assert not made.commit(batch())
    for time[0] in (61.0, 61.5):  # the first two are more than a minute ago
        assert not made.commit(batch())
    with pytest.raises(TooManyAbortsError, match="4 transactions"):
        made.commit(batch())


def test_a_fenced_worker_ends() -> None:
    with pytest.raises(WorkerFencedError, match=r"_FENCED: another process has this worker\.id"):
        transactions(Broken(commit=[FATAL])).commit(batch())
    with pytest.raises(WorkerFencedError, match="_FENCED"):
        transactions(Broken(commit=[ABORTABLE], abort=[FATAL])).commit(batch())


def test_an_error_of_our_own_aborts_and_ends_the_worker() -> None:
    broken = Broken(produce=[TypeError("not a record")])
    with pytest.raises(TypeError):
        transactions(broken).commit(batch())
    assert broken.calls[-1] == "abort"


def test_a_worker_that_is_to_stop_makes_no_further_attempt() -> None:
    broken = Broken(commit=[AGAIN] * 9)
    made = transactions(broken)
    made.stop()
    with pytest.raises(WorkerFencedError):
        made.commit(batch())
    assert broken.calls.count("commit") == 1
