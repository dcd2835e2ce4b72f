"""What a view, and the watermarks behind its ages, make of a client's errors, without any Kafka."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException

from edges.kafka import view as view_of
from edges.kafka.errors import TopicsDifferError
from edges.kafka.layout import offsets
from edges.kafka.view import Entry, Reading, View
from edges.kafka.watermarks import Watermarks
from edges.settings import Connection
from schemas.contract.topics import Log

CONNECTION = Connection("x.", "group", 1, {}, {})


def message(topic: str | None, error: int | None = None, value: bytes | None = None) -> Any:
    made = None if error is None else KafkaError(error)
    return SimpleNamespace(
        topic=lambda: topic,
        partition=lambda: 0,
        offset=lambda: 7,
        error=lambda: made,
        value=lambda: value,
        key=lambda: b"S1",
        timestamp=lambda: (1, 5),
    )


def consumer_of(*messages: Any) -> Consumer:
    return cast("Consumer", SimpleNamespace(poll=lambda _: messages[0], consume=lambda *_: messages[1:]))


def test_an_error_of_no_topic_is_told_once_and_reading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not let us use the group: nobody joins it."""
    told: list[str] = []
    monkeypatch.setattr(view_of, "_log", SimpleNamespace(warning=lambda _, error, **__: told.append(error)))
    read: list[Entry] = []
    made = View(CONNECTION, {"signals": Reading()}, read.extend, in_loop=False)
    group = KafkaError.GROUP_AUTHORIZATION_FAILED
    made._step(consumer_of(message(None, group), message("x.signals", value=b"a"), message("", group)))
    assert [(entry.topic, entry.offset, entry.value) for entry in read] == [("signals", 7, b"a")]
    assert made.position("signals", 0) == 8
    assert told == ["GROUP_AUTHORIZATION_FAILED"]
    with pytest.raises(TopicsDifferError):
        made._step(consumer_of(message("x.signals", KafkaError.TOPIC_AUTHORIZATION_FAILED)))


def test_a_partition_without_an_answer_makes_no_other_one_old(monkeypatch: pytest.MonkeyPatch) -> None:
    no_leader = KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)
    answers = [
        SimpleNamespace(topic="x.signals", partition=0, offset=7, error=None),
        SimpleNamespace(topic="x.signals", partition=1, offset=-1, error=no_leader),
    ]
    client = SimpleNamespace(offsets_for_times=lambda *_: answers)
    monkeypatch.setattr("edges.kafka.clients.reader", lambda *_, **__: client)
    reported: list[tuple[Log, int]] = []
    made = Watermarks(CONNECTION, ["signals"], lambda log, end, _: reported.append((log, end)))
    made._leaders_at = 1.0
    made._ask([("signals", 0), ("signals", 1)])
    assert reported == [(("signals", 0), 7)]
    assert made._leaders_at == float("-inf"), "who leads is asked again"
    with pytest.raises(KafkaException):
        offsets(cast("Consumer", client), CONNECTION, [("signals", 0), ("signals", 1)], OFFSET_END, 1.0)
