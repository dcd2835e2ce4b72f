"""A sink whose Kafka client has lost sight of a partition's leader begins another session; one that waits does not.

No broker makes librdkafka lose sight of a leader on purpose (librdkafka #5430); a client that is paused stands for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any, Final

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from schemas import encode
from service import lost_leader
from service.lost_leader import Standstill
from sinks.errors import Away
from sinks.forget import erasures
from sinks.forget.erasures import Erasure, ErasureLog
from sinks.observe.metrics import SinkMetrics
from sinks.observe.readiness import SinkReadiness
from sinks.process import run as process
from sinks.process import session as session_module
from sinks.process.session import Session
from sinks.read import lag as lag_module
from sinks.read import standstill as standstill_module
from sinks.read.consumer import LedgerConsumer
from sinks.read.lag import Unread
from sinks.read.standstill import StuckLogs
from sinks.rows.chunk import Log
from tests.sinks.bench import EMPTY, Bench
from tests.sinks.test_erasures import LATER
from tests.sinks.test_topic_admin import CONFIGURATION
from tests.support.times import START
from tests.support.waiting import eventually

ALERT: Final = encode("Alert", {"alert_id": "A1", "site_id": "site", "kind": "INTRUSION", "raised_at": START})
LOG: Final = ("ronde.alerts", 0)
REACHED: Final = 7
NOTHING: Any = SimpleNamespace()


class Scene:
    """A consumer of the group, its client's answers, and a clock that stands still.

    ``end`` is where the client says that the log ends; None: it does not say.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.waiting = 1000.0, 0
        self.moved_at: dict[Log, float] = {LOG: self.now}
        self.end: int | None = REACHED + 1
        self.told = -1001  # the client's position
        self.consumer: Any = LedgerConsumer(CONFIGURATION, *[NOTHING] * 6)
        client: Any = SimpleNamespace(
            offsets_for_times=self._ends, position=self._position, poll=self._poll, consume=self._consume
        )
        lag: Any = SimpleNamespace(unread=lambda: {log: Unread(REACHED, at) for log, at in self.moved_at.items()})
        monkeypatch.setattr("sinks.read.standstill.time.monotonic", lambda: self.now)
        self.consumer.__dict__ |= {"stuck_logs": StuckLogs(client, lag), "_consumer": client, "_chunk_max": 3}

    def after(self, seconds: float) -> dict[Log, float]:
        """What stands still so many seconds later."""
        self.now += seconds
        stuck: dict[Log, float] = self.consumer.stuck_logs.look()
        return stuck

    def _ends(self, asked: Sequence[TopicPartition], _seconds: float) -> list[Any]:
        if self.end is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [SimpleNamespace(topic=one.topic, partition=one.partition, offset=self.end, error=None) for one in asked]

    def _position(self, asked: Sequence[TopicPartition]) -> list[Any]:
        return [SimpleNamespace(topic=one.topic, partition=one.partition, offset=self.told) for one in asked]

    def _poll(self, _seconds: float) -> Any:
        return (self._consume(1) or [None])[0]

    def _consume(self, most: int, _seconds: float = 0.0) -> list[Any]:
        taken = min(most, self.waiting)
        self.waiting -= taken
        return [SimpleNamespace(error=lambda: None)] * taken


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_a_log_that_has_more_and_is_read_no_further_for_a_while_stands_still(scene: Scene) -> None:
    assert scene.after(9) == {}
    assert scene.after(2) == {LOG: 1000.0}
    scene.moved_at[LOG] = scene.now
    assert scene.after(5) == {}


def test_a_log_without_an_answer_of_its_leader_or_without_more_does_not(scene: Scene) -> None:
    scene.moved_at.clear()  # as `Lag.unread` gives it
    assert scene.after(20) == {}


def test_a_log_whose_rest_an_open_transaction_hides_does_not(scene: Scene) -> None:
    scene.end = REACHED
    assert scene.after(20) == {}


def test_a_log_whose_end_the_client_stands_at_does_not(scene: Scene) -> None:
    scene.told = REACHED + 1  # as before it was assigned again: `note_positions` passes over that
    assert scene.after(20) == {}
    scene.end = REACHED + 2
    assert scene.after(20) == {LOG: 1000.0}


def test_a_log_whose_end_this_client_does_not_find_does(scene: Scene) -> None:
    scene.end = None
    assert scene.after(20) == {LOG: 1000.0}


def test_a_log_that_may_wait_behind_others_in_the_client_does_not(scene: Scene) -> None:
    scene.now, scene.waiting = 1020.0, 4
    assert len(scene.consumer.poll()) == 3
    assert scene.after(5) == {}, "a chunk was full: there may have been more"
    assert len(scene.consumer.poll()) == 1
    assert scene.after(4) == {}
    assert scene.after(2) == {LOG: 1020.0}


def test_a_log_that_may_have_waited_for_postgresql_does_not(scene: Scene) -> None:
    assert scene.after(31) == {}, "nobody looked for so long"
    assert scene.after(5) == {LOG: 1000.0}


# --- at a broker ----------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that stands still for a second gives way."""
    monkeypatch.setattr(lost_leader, "ANSWERED_SECONDS", 1.0)
    monkeypatch.setattr(lost_leader, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(standstill_module, "_STUCK_SECONDS", 0.0)
    monkeypatch.setattr(lag_module, "_SECONDS", 0.1)
    monkeypatch.setattr(session_module, "_LOOK_SECONDS", 0.1)


@contextmanager
def running(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """``work`` under way in a thread, until it is to stop."""
    stopping = threading.Event()
    thread = threading.Thread(target=work, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def sessions(bench: Bench, metrics: SinkMetrics) -> Callable[[threading.Event], None]:
    return lambda stopping: process._sessions(bench.configuration, SinkReadiness(), metrics, stopping)


def shown(metrics: SinkMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def lag(metrics: SinkMetrics) -> float | None:
    return shown(metrics, "ronde_sink_lag_records", topic="alerts", partition=str(EMPTY))


@pytest.mark.usefixtures("topics", "quick")
def test_a_partition_that_is_read_no_more_is_read_on_by_the_next_session(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, is_blind = (bench.configuration.topic("alerts"), EMPTY), threading.Event()
    poll = LedgerConsumer.poll

    def blinded(self: LedgerConsumer) -> list[Any]:
        if log in self._positions and not is_blind.is_set():
            self._consumer.pause([TopicPartition(*log)])
            is_blind.set()
        return poll(self)

    monkeypatch.setattr(LedgerConsumer, "poll", blinded)
    with running(sessions(bench, SinkMetrics())):
        eventually(is_blind.is_set, "the client is blind")
        bench.put("alerts", ALERT)
        eventually(lambda: bench.positions("alerts")[EMPTY] == 1, "the record in the ledger")


@pytest.mark.usefixtures("topics", "quick")
def test_erasures_that_are_read_no_more_are_read_on_by_the_next_session(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_blind = threading.Event()
    news = ErasureLog.news

    def blinded(self: ErasureLog, seconds: float = 0.0) -> Iterator[bytes]:
        if not is_blind.is_set():
            self._consumer.pause([TopicPartition(self._topic, 0)])
            is_blind.set()
        return news(self, seconds)

    monkeypatch.setattr(ErasureLog, "news", blinded)
    metrics = SinkMetrics()
    with running(sessions(bench, metrics)):
        eventually(is_blind.is_set, "the client is blind")
        servers = {"bootstrap.servers": bench.servers}
        erasures.send(bench.configuration, servers, Erasure("S1", "", LATER))
        eventually(lambda: shown(metrics, "ronde_sink_erasures_total") == 1, "the erasure is carried out")


class Looks:
    """Stands for the judge; keeps what stood still at each look."""

    def __init__(self) -> None:
        self.found: list[dict[Log, float]] = []

    def look(self, still: Callable[[], dict[Log, float]]) -> None:
        self.found.append(still())

    def three_more(self) -> list[dict[Log, float]]:
        seen = len(self.found)
        eventually(lambda: len(self.found) >= seen + 3, "three more looks")
        return self.found[seen + 1 :]  # the first may have been under way


@contextmanager
def looked_at(bench: Bench, metrics: SinkMetrics) -> Iterator[Looks]:
    looks: Any = Looks()
    with closing(Session(bench.configuration, None, looks, SinkReadiness(), metrics)) as session, running(session.run):
        yield looks


@pytest.mark.usefixtures("topics", "quick")
def test_an_open_transaction_and_its_marker_at_the_end_of_a_log_are_no_standstill(bench: Bench) -> None:
    topic, metrics = bench.configuration.topic("alerts"), SinkMetrics()
    producer = Producer({"bootstrap.servers": bench.servers, "transactional.id": f"{topic}-a-worker"})
    producer.init_transactions()
    with looked_at(bench, metrics) as looks:
        eventually(lambda: lag(metrics) == 0, "the log is read to its end")
        producer.begin_transaction()
        producer.produce(topic, ALERT, b"site", EMPTY)
        assert producer.flush(30) == 0
        eventually(lambda: lag(metrics) == 1, "the record lies in the log")
        assert not any(looks.three_more())
        producer.commit_transaction()
        eventually(lambda: bench.positions("alerts")[EMPTY] == 1, "the record in the ledger")
    later = SinkMetrics()
    with looked_at(bench, later) as looks:
        eventually(lambda: lag(later) == 0, "a session that begins at the marker is at the end")
        assert not any(looks.three_more())


def test_the_session_ends_and_names_the_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_leader, "ANSWERED_SECONDS", -1.0)
    session: Any = Session.__new__(Session)
    session.__dict__ |= {
        "_standstill": Standstill(),
        "_source": SimpleNamespace(stuck_logs=SimpleNamespace(look=lambda: {LOG: 0.0})),
    }
    with pytest.raises(Away, match=r"ronde\.alerts, partition 0: its leader answers, and the client reads no further"):
        session._refuse_standstill()
