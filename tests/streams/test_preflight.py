"""Before a worker begins: a broker that is away is waited for, a mistake is logged and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from service.readiness import ProcessReadiness
from streams.kafka.admin import BrokerError
from streams.kafka.topics import TopicDifference
from streams.worker import app, preflight
from streams.worker.preflight import TopicsDifferError
from tests.streams.messages import SETTINGS

AWAY = "nobody answers"


def answer(monkeypatch: pytest.MonkeyPatch, answers: Iterable[Exception | str | None]) -> None:
    """What comes of one check after the other."""
    coming = iter(answers)

    def check(_: Any) -> str | None:
        if isinstance(answer := next(coming), Exception):
            raise answer
        return answer

    monkeypatch.setattr(preflight, "check", check)
    monkeypatch.setattr(preflight, "KAFKA_START_SECONDS", 0.0)


@pytest.mark.asyncio
async def test_a_broker_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    readiness = ProcessReadiness()
    answer(monkeypatch, ["still nobody", None])
    await preflight.wait(SETTINGS, readiness, AWAY)
    assert readiness.reasons == {"kafka": "still nobody"}, "what comes next says when Kafka has let it begin"


@pytest.mark.parametrize(
    "mistake", [BrokerError("no rights"), TopicsDifferError([TopicDifference("ronde.state", "missing", "", "")])]
)
@pytest.mark.asyncio
async def test_a_mistake_that_shows_later_ends_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch, mistake: Exception
) -> None:
    answer(monkeypatch, [AWAY, mistake])
    with pytest.raises(type(mistake), match=r"rights|differ"):
        await preflight.wait(SETTINGS, ProcessReadiness(), AWAY)


@pytest.mark.asyncio
async def test_whoever_is_asked_to_stop_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = asyncio.Event()
    answer(monkeypatch, iter(lambda: AWAY, None))
    asyncio.get_running_loop().call_later(0.05, stopped.set)
    assert not await app._is_done(preflight.wait(SETTINGS, ProcessReadiness(), AWAY), stopped)


@pytest.mark.parametrize(
    ("what", "stops"), [("retention.bytes", False), ("compression.type", False), ("cleanup.policy", True)]
)
def test_what_does_not_stop_a_worker_is_logged_and_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: Any, stops: bool
) -> None:
    monkeypatch.setattr(preflight, "require", lambda *_: set())
    monkeypatch.setattr(preflight, "find", lambda *_: {})
    monkeypatch.setattr(preflight, "differences", lambda *_: [TopicDifference("ronde.alerts", what, "-1", "1000")])
    if stops:
        with pytest.raises(TopicsDifferError, match=what):
            preflight.check(SETTINGS)
    else:
        preflight.check(SETTINGS)
        told = capsys.readouterr()
        assert f"ronde.alerts: {what} is 1000, expected -1" in told.out + told.err
