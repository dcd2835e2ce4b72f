"""A session of the sink with a client that no broker answers any more gives way to the next, which has new clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from service.hearing import SILENT_SECONDS, Hearing
from sinks.errors import Away
from sinks.forget.erasures import ErasureLog
from sinks.observe.readiness import SinkReadiness
from sinks.process import session as session_module
from sinks.process.session import Session
from sinks.read.consumer import LedgerConsumer
from sinks.read.offsets import Offsets
from tests.sinks.test_topic_admin import CONFIGURATION

NOWHERE = CONFIGURATION._replace(consumer={"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
NOTHING: Any = SimpleNamespace()


class Scene:
    """A session whose parts do nothing; it is asked to stop at the third look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(session_module, "_LOOK_SECONDS", -1.0)
        self.now = 0.0
        self.reading, self.erasing, self.asking = (Hearing(lambda: self.now) for _ in range(3))
        self._stopping = threading.Event()
        self._looks = 0
        self.session: Any = Session.__new__(Session)
        nothing: Callable[..., list[Any]] = lambda *_: []  # noqa: E731
        self.session.__dict__ |= {
            "_turn": nothing,
            "_erase": nothing,
            "_writer": SimpleNamespace(settle=nothing),
            "_erasures": SimpleNamespace(news=nothing, positions=nothing, listen=nothing),
            "_lag": SimpleNamespace(reach=nothing),
            "_refuse_standstill": nothing,
            "_ledger": SimpleNamespace(add_months=nothing),
            "_source": SimpleNamespace(
                hearing=self.reading, note_positions=nothing, look_for_topics=nothing, listen=self._look
            ),
            "_hearings": (self.erasing, self.asking),
        }

    def _look(self, _seconds: float) -> None:
        self._looks += 1
        if self._looks == 3:
            self._stopping.set()

    def run(self) -> None:
        self.session.run(self._stopping)


@pytest.mark.parametrize("which", ["reading", "erasing", "asking"])
def test_a_client_that_is_silent_for_long_ends_the_session(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    scene = Scene(monkeypatch)
    scene.now = SILENT_SECONDS
    for name in ("reading", "erasing", "asking"):
        getattr(scene, name).note(is_answered=name != which)
    with pytest.raises(Away, match="Kafka does not answer: a client has had no answer for 300 s") as raised:
        scene.run()
    assert raised.value.thing == "kafka"


def test_a_session_goes_on_while_its_clients_are_answered_or_were_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.reading.note(is_answered=False)
    scene.now = SILENT_SECONDS
    scene.erasing.note(is_answered=True)
    scene.run()


@pytest.mark.parametrize("waits", [("registry",), ("registry", "group")], ids=["quiet", "without partitions yet"])
def test_a_sink_that_has_nothing_to_read_waits_no_more_for_the_registry(
    monkeypatch: pytest.MonkeyPatch, waits: tuple[str, ...]
) -> None:
    monkeypatch.setattr(session_module, "_QUIET_SECONDS", 30.0)
    session: Any = Session.__new__(Session)
    readiness = SinkReadiness(**dict.fromkeys(waits, "away"))
    nothing: Callable[..., list[Any]] = lambda *_: []  # noqa: E731
    parts = {"_source": SimpleNamespace(poll=nothing), "_writer": SimpleNamespace(settle=nothing)}
    session.__dict__ |= {**parts, "_readiness": readiness, "_quiet_since": time.monotonic()}
    session._turn()
    assert readiness.reasons.keys() == {*waits}, "something may be on its way"
    session._quiet_since -= 60.0
    session._turn()
    assert readiness.reasons.keys() == {*waits} - (set() if "group" in waits else {"registry"})


@pytest.mark.parametrize("brokers", [{1: "a broker"}, {}, None], ids=["answered", "told of no broker", "not answered"])
def test_a_question_that_fails_for_one_partition_is_no_silence(brokers: dict[int, str] | None) -> None:
    clock = SimpleNamespace(now=0.0)
    offsets: Any = Offsets(CONFIGURATION)
    offsets.hearing = Hearing(lambda: clock.now)

    def fail(*_: Any, **__: Any) -> Any:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def ends(asked: list[TopicPartition], _seconds: float) -> list[Any]:
        return [SimpleNamespace(topic=one.topic, partition=one.partition, offset=7, error=None) for one in asked]

    told = fail if brokers is None else (lambda **_: SimpleNamespace(brokers=brokers))
    offsets._consumer = SimpleNamespace(offsets_for_times=fail, list_topics=told)
    clock.now = 9.0
    with pytest.raises(Away):
        offsets.ends([("alerts", 0)], 0.1)
    assert offsets.hearing.seconds == (0.0 if brokers else 9.0)
    offsets._consumer.offsets_for_times = ends
    assert offsets.ends([("alerts", 0)], 0.1) == {("alerts", 0): 7}
    assert offsets.hearing.seconds == 0.0


def test_a_log_without_a_leader_keeps_no_answer_from_the_others() -> None:
    offsets: Any = Offsets(CONFIGURATION)
    looks: list[Any] = []

    def ends(asked: list[TopicPartition], _seconds: float) -> list[Any]:
        errors = [KafkaError(KafkaError.LEADER_NOT_AVAILABLE) if one.partition else None for one in asked]
        return [
            SimpleNamespace(topic=one.topic, partition=one.partition, offset=-1 if error else 7, error=error)
            for one, error in zip(asked, errors, strict=True)
        ]

    def list_topics(**_: Any) -> Any:
        looks.append("leaders")
        return SimpleNamespace(brokers={1: "a broker"})

    offsets._consumer = SimpleNamespace(offsets_for_times=ends, list_topics=list_topics)
    assert offsets.ends([("alerts", 0), ("alerts", 1)], 0.1) == {("alerts", 0): 7}
    assert looks == ["leaders"]
    with pytest.raises(Away, match="eader"):
        offsets.ends([("alerts", 1)], 0.1)


@pytest.mark.parametrize(
    "client", [ErasureLog(NOWHERE), LedgerConsumer(NOWHERE, *[NOTHING] * 6)], ids=["erasures", "inputs"]
)
def test_a_consumer_that_brings_nothing_is_asked(client: Any) -> None:
    clock = SimpleNamespace(now=0.0)
    client.hearing = Hearing(lambda: clock.now)
    clock.now = 29.0
    client.listen(0.05)
    assert client.hearing.seconds == 0.0
    clock.now = 30.0
    client.listen(0.05)
    assert client.hearing.seconds == 30.0
