"""What a sink makes of the answer of the process that asks the admin client, and of one that has none."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import pytest

from service.postgres_settings import PostgresSettings
from service.registry_settings import RegistrySettings
from sinks import topic_admin
from sinks.errors import Away, SinkError
from sinks.forget import erasures
from sinks.settings import Configuration, SinkSettings

CONFIGURATION: Final = Configuration(
    "ronde.", None, RegistrySettings(), {}, {}, SinkSettings(id="sink"), PostgresSettings()
)
COMPACTED: Final = {"cleanup.policy": "compact"}


def create() -> None:
    topic_admin.create_topic(CONFIGURATION, "ronde.erasures", COMPACTED)


def ids() -> None:
    assert topic_admin.topic_ids(CONFIGURATION, ["ronde.alerts"]) == {"ronde.alerts": "4AmFtdWV"}


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Have the process give an answer; no answer ends it as librdkafka's assertion does."""

    def answer(content: dict[str, Any] | None) -> None:
        def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
            if content is None:
                raise subprocess.CalledProcessError(-signal.SIGABRT, command)
            return subprocess.CompletedProcess(command, 0, json.dumps(content).encode())

        monkeypatch.setattr(subprocess, "run", run)

    return answer


def test_a_broker_that_refuses_the_topic_ends_the_sink_with_what_to_do(answering: Any) -> None:
    answering({"error": "Authorization failed", "code": "TOPIC_AUTHORIZATION_FAILED"})
    with pytest.raises(SinkError, match=r"make it, with one partition and cleanup\.policy=compact"):
        create()


@pytest.mark.parametrize("ask", [create, ids])
@pytest.mark.parametrize("answer", [None, {"error": "Local: Timed out", "code": "_TIMED_OUT"}])
def test_a_process_that_ends_or_times_out_is_a_broker_that_is_away(answering: Any, ask: Any, answer: Any) -> None:
    answering(answer)
    with pytest.raises(Away):
        ask()


def test_the_answer_is_returned(answering: Any) -> None:
    answering({"ids": {"ronde.alerts": "4AmFtdWV"}})
    ids()
    answering({})
    create()


def test_a_topic_of_erasures_that_was_made_is_waited_for_until_the_broker_shows_it(
    answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [{}, {}, {}, {"ronde.erasures": "its description"}]
    client = SimpleNamespace(list_topics=lambda **_: SimpleNamespace(topics=shown.pop(0)), close=lambda: None)
    monkeypatch.setattr(erasures, "Consumer", lambda *_, **__: client)
    answering({})
    erasures.create_topic(CONFIGURATION)
    assert shown == []


def test_a_topic_of_erasures_that_is_never_shown_is_left_to_who_reads_it(
    answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SimpleNamespace(list_topics=lambda **_: SimpleNamespace(topics={}), close=lambda: None)
    monkeypatch.setattr(erasures, "Consumer", lambda *_, **__: client)
    monkeypatch.setattr(erasures, "_ANSWER_SECONDS", 0.0)
    answering({})
    erasures.create_topic(CONFIGURATION)
