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


def create(configuration: Configuration = CONFIGURATION) -> None:
    topic_admin.create_topic(configuration, "ronde.erasures", COMPACTED)


def ids(configuration: Configuration = CONFIGURATION) -> None:
    assert topic_admin.topic_ids(configuration, ["ronde.alerts"]) == {"ronde.alerts": "4AmFtdWV"}


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


@pytest.mark.slow  # it starts the process
def test_settings_that_librdkafka_refuses_end_the_sink_with_the_reason() -> None:
    with pytest.raises(SinkError, match=r'these settings: No such configuration property: "no\.such\.thing"'):
        ids(CONFIGURATION._replace(admin={"no.such.thing": "1"}))


@pytest.mark.parametrize("ask", [create, ids])
def test_a_process_that_fails_by_itself_ends_the_sink_with_its_last_line_and_no_secret(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.CalledProcessError(1, command, b"", b"Traceback\n  at\nValueError: not 'hush'\n\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SinkError, match=r"fails: ValueError: not '…'$"):
        ask(CONFIGURATION._replace(admin={"sasl.password": "hush"}))


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
