"""What is known of whether a Kafka client is answered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from service.hearing import Hearing, hears
from tests.machine import stretched

NOBODY = {"bootstrap.servers": "127.0.0.1:1"}
# librdkafka's own broker, within the process.
MOCK = {"bootstrap.servers": "", "test.mock.num.brokers": 1}


class Scene:
    """A client that is answered, or not."""

    def __init__(self) -> None:
        self.now = 100.0
        self.hearing = Hearing(lambda: self.now)
        self.brokers: dict[int, str] | None = {1: "a broker"}
        self.asked = 0

    def list_topics(self, timeout: float) -> Any:
        self.asked += 1
        if self.brokers is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(brokers=self.brokers)

    def ask(self, at: float) -> float:
        """What is known after the client was asked, if it was."""
        self.now = at
        self.hearing.ask(cast("Consumer", self))
        return self.hearing.seconds


def test_a_client_is_asked_where_it_has_brought_nothing_for_a_while() -> None:
    scene = Scene()
    scene.ask(120)
    scene.hearing.note(is_answered=True)
    scene.ask(149)
    assert scene.asked == 0
    scene.ask(150)
    scene.ask(179)
    assert scene.asked == 1


@pytest.mark.parametrize("brokers", [None, {}])
def test_it_is_silent_from_the_last_answer_that_names_brokers_on(brokers: dict[int, str] | None) -> None:
    scene = Scene()
    assert scene.ask(130) == 0
    scene.brokers = brokers
    assert [scene.ask(at) for at in (160, 190, 219, 250)] == [30, 60, 60, 120]
    scene.brokers = {1: "a broker"}
    assert scene.ask(280) == 0


def test_nothing_is_known_of_a_client_that_is_not_asked() -> None:
    """As while the thread that reads waits for the end of a chunk."""
    scene = Scene()
    scene.brokers = None
    assert scene.ask(600) == 500
    scene.now = 700
    assert scene.hearing.seconds == 0
    assert scene.ask(701) == 601


@pytest.mark.parametrize(("broker", "is_heard"), [(NOBODY, False), (MOCK, True)])
def test_whether_a_client_of_librdkafka_hears(broker: dict[str, Any], is_heard: bool) -> None:
    client = Consumer({"group.id": "a", "error_cb": lambda _: None, "log_level": 0, **broker})
    assert hears(client, stretched(5.0) if is_heard else 0.1) is is_heard
    client.close()
