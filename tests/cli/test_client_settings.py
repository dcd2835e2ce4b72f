"""Settings with which no Kafka client can be made, and secrets that are empty: refused when they are loaded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from ronde.shared.whole_settings import WholeSettings
from service.readiness import ProcessReadiness, Stalls
from sinks.errors import SinkError
from sinks.read.consumer import LedgerConsumer
from streams.dlq.fenced_producer import FencedError, FencedProducer
from streams.runtime.errors import WorkerError
from streams.settings import SettingsError, load
from streams.worker.worker import Worker
from tests.conftest import Run

ANY: Final[Any] = None  # what is not reached
LONG: Final = "RONDE_KAFKA__SOCKET_TIMEOUT_MS"
POLL: Final = "RONDE_KAFKA__MAX_POLL_INTERVAL_MS"


def loaded(**environ: str) -> WholeSettings:
    return load(None, environ, WholeSettings)


def session(table: str, ms: int, protocol: str = "classic") -> dict[str, str]:
    above = f"RONDE_{table.upper()}__"
    return {f"{above}GROUP_PROTOCOL": protocol, f"{above}SESSION_TIMEOUT_MS": str(ms)}


@pytest.mark.parametrize("table", ["worker", "sink"])
def test_a_session_longer_than_a_classic_consumer_may_go_without_a_poll(table: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(**session(table, 300_001))
    (problem,) = refused.value.problems
    assert problem.origin == f"RONDE_{table.upper()}__SESSION_TIMEOUT_MS"
    assert problem.setting == f"{table}.session_timeout_ms"
    assert "Set it to kafka.max.poll.interval.ms at most (300000, where that is not set)" in problem.message
    with pytest.raises(SettingsError):
        loaded(**session(table, 60_000), **{POLL: "59999"})
    loaded(**session(table, 1000))
    loaded(**session(table, 300_000))
    loaded(**session(table, 1_800_000), **{POLL: "1800000"})
    loaded(**session(table, 1_800_000, "consumer"))


@pytest.mark.parametrize(
    ("name", "fits", "too_long"),
    [("socket.timeout.ms", "20100", "20101"), ("linger.ms", "19999", "20000")],
)
def test_a_wait_longer_than_a_transaction(name: str, fits: str, too_long: str) -> None:
    variable, limit = (
        f"RONDE_KAFKA__{name.upper().replace('.', '_')}",
        {"RONDE_WORKER__TRANSACTION_TIMEOUT_MS": "20000"},
    )
    loaded(**{variable: fits}, **limit).require_transactions()
    with pytest.raises(SettingsError) as refused:
        loaded(**{variable: too_long}, **limit).require_transactions()
    (problem,) = refused.value.problems
    assert (problem.origin, problem.setting) == (variable, f"kafka.{name}")
    assert problem.message.startswith("librdkafka refuses it for transactions of 20000 ms: ")
    assert problem.message.endswith(". Lower it, or raise worker.transaction_timeout_ms")


@pytest.mark.parametrize(
    "command",
    [
        ("worker",),
        ("dlq", "replay", "--reason", "FAILED", "--yes"),
        ("dlq", "discard", "0-0", "--why", "test", "--who", "test"),
        ("portal",),
    ],
    ids=" ".join,
)
def test_a_command_that_writes_transactions_refuses_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    def begin(*_: object) -> None:
        pytest.fail("it begins")

    monkeypatch.setattr("ronde.commands.worker.run", begin)
    monkeypatch.setattr("ronde.commands.portal.PortalProcess", begin)
    monkeypatch.setenv(LONG, "30000")
    monkeypatch.setenv("RONDE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    ran = run(*command)
    assert ran.exit == 2
    assert f"{LONG}: kafka.socket.timeout.ms: librdkafka refuses it for transactions of 10000 ms" in ran.err


def test_other_processes_are_not_told_how_long_transactions_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LONG, "30000")
    assert run("settings").exit == 0


def test_what_librdkafka_refuses_later_ends_a_process_with_the_reason() -> None:
    """A file that the settings name may be gone by then."""
    settings = loaded(**{LONG: "30000"})
    with pytest.raises(FencedError, match=r"no producer with these settings: .*`socket\.timeout\.ms`"):
        FencedProducer(settings, "test")

    async def begin() -> None:
        readiness, stalls = ProcessReadiness(start="the worker starts"), Stalls(10)
        Worker(ANY, settings, readiness, stalls, ANY)

    with pytest.raises(WorkerError, match=r"no Kafka client with these settings: .*`socket\.timeout\.ms`"):
        asyncio.run(begin())
    configuration = loaded(**session("sink", 300_000)).for_sink()
    sink = configuration.sink.model_copy(update={"session_timeout_ms": 300_001})
    with pytest.raises(SinkError, match=r"no consumer with these settings: .*`session\.timeout\.ms`"):
        LedgerConsumer(configuration._replace(sink=sink), ANY, ANY, ANY, ANY, ANY, ANY)


@pytest.mark.parametrize("setting", ["web.session_key", "postgres.password", "registry.url", 'kafka."sasl.password"'])
@pytest.mark.parametrize("reference", ['{ file = "empty" }', '{ env = "EMPTY" }'])
def test_a_reference_to_an_empty_secret_is_not_none(tmp_path: Path, setting: str, reference: str) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    path = tmp_path / "ronde.toml"
    path.write_text(f"{setting} = {reference}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(path, {"EMPTY": ""}, WholeSettings)
    (problem,) = refused.value.problems
    assert (problem.origin, problem.setting) == (str(path), setting.replace('"', ""))
    assert problem.message.endswith(", which is empty: put the value there, or leave the setting out")


def test_a_variable_may_be_empty_for_none_and_is_shown_so() -> None:
    settings = loaded(RONDE_POSTGRES__PASSWORD="", RONDE_WEB__SESSION_KEY="")
    assert (settings.postgres.password, settings.web.session_key) == (None, None)
    shown = {name: (value, origin) for name, value, origin in settings.shown()}
    assert shown["postgres.password"] == (None, "RONDE_POSTGRES__PASSWORD")
