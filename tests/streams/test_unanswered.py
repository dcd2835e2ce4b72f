"""A request that the client itself forgets (librdkafka #3663) is given up, with an error that names the broker."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from streams.kafka import admin, offsets
from streams.kafka.admin import Admin, BrokerAwayError
from streams.kafka.offsets import Offsets, ReadingError
from tests.streams.messages import SETTINGS

BROKER = SETTINGS.kafka["bootstrap.servers"]


def test_a_question_about_topics_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_GRACE_SECONDS", 0.0)
    answered: Future[int] = Future()
    answered.set_result(1)
    silent: Future[int] = Future()
    with pytest.raises(BrokerAwayError, match=rf"{BROKER} did not answer what it was asked of ronde\.alerts within"):
        Admin(SETTINGS).outcomes({"ronde.sites": answered, "ronde.alerts": silent}, 0.1)


@pytest.mark.parametrize(
    ("method", "words"),
    [("committed", "the offsets of group"), ("first", "the ends of its logs"), ("last_stable", "the ends of its logs")],
)
def test_a_question_about_offsets_is_given_up(monkeypatch: pytest.MonkeyPatch, method: str, words: str) -> None:
    class Silent:
        def list_offsets(self, asked: dict[Any, Any], **_: Any) -> dict[Any, Future[Any]]:
            return {partition: Future() for partition in asked}

        def list_consumer_group_offsets(self, asked: list[Any], **_: Any) -> dict[Any, Future[Any]]:
            return {one.group_id: Future() for one in asked}

    monkeypatch.setattr(offsets, "_ASK_SECONDS", 0.1)
    monkeypatch.setattr(offsets, "_GRACE_SECONDS", 0.0)
    asked: Any = Offsets(SETTINGS)
    asked._admin = Silent()
    with pytest.raises(ReadingError, match=rf"{BROKER} does not give {words}.*: no answer within"):
        getattr(asked, method)([("alerts", 0), ("alerts", 1)])
