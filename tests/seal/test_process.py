"""The process over its sessions, without a broker: what it keeps from one to the next; how it reads."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.contract.topics import RECEIVED_BYTES
from seal import keys, metrics, process, sealing
from seal.errors import AwayError
from seal.process import SealProcess
from seal.settings import SealConfiguration, SealSettings
from service.postgres_settings import PostgresSettings
from service.registry_settings import RegistrySettings

LONGEST = 8


@pytest.fixture
def configuration(tmp_path: Path) -> SealConfiguration:
    settings = SealSettings(key_file=tmp_path / "seal.pem", longest_pause_seconds=LONGEST)
    keys.create(settings.key_file)
    kafka = {"bootstrap.servers": "127.0.0.1:1"}
    return SealConfiguration(settings, "none.", "none", 1, kafka, PostgresSettings(), RegistrySettings())


class Sessions:
    """Sessions that begin, and end by a registry that is away after so many seconds; and the clock of it all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lengths: list[float]) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.lags: list[float] = []
        self._lengths = lengths
        clock = SimpleNamespace(monotonic=lambda: self.now)
        for module in (process, metrics):
            monkeypatch.setattr(module, "time", clock)
        monkeypatch.setattr(process, "connect_to_seal", lambda _: contextlib.nullcontext())
        for name in ("make_schema", "Store"):
            monkeypatch.setattr(process, name, Mock())
        monkeypatch.setattr(process, "Sealing", self._sealing)

    def run(self, sealer: SealProcess) -> None:
        """Run all of them."""

        def pause(seconds: float) -> bool:
            self.pauses.append(seconds)
            self.lags.append(sealer._metrics.lag.labels("decisions")._value.get())
            self.now += seconds
            if not self._lengths:
                sealer._stopping.set()
            return not self._lengths

        sealer._stopping = threading.Event()  # as no signal is to be heard
        sealer._stopping.wait = pause  # type: ignore[method-assign, assignment]
        sealer._sessions()

    def _sealing(self, _configuration: Any, _store: Any, _metrics: Any, behind: metrics.Behind) -> Any:
        def run(_is_stopping: Any, begun: Any) -> None:
            behind.begin({("decisions", 0), ("calls", 0)})
            begun()
            behind.reach(("calls", 0))
            self.now += self._lengths.pop(0)
            raise AwayError("registry", "the registry is away")

        return SimpleNamespace(run=run, close=lambda: None)


def test_pauses_grow_while_what_each_session_needs_at_once_is_away(
    monkeypatch: pytest.MonkeyPatch, configuration: SealConfiguration
) -> None:
    sessions = Sessions(monkeypatch, [1.0] * 6 + [LONGEST + 1.0, 1.0])
    sessions.run(SealProcess(configuration))
    assert sessions.pauses == [0.5, 1.0, 2.0, 4.0, LONGEST, LONGEST, 0.5, 1.0], "one that went on for long was well"


def test_a_topic_is_behind_over_all_sessions(monkeypatch: pytest.MonkeyPatch, configuration: SealConfiguration) -> None:
    sessions = Sessions(monkeypatch, [500.0] * 3)
    sealer = SealProcess(configuration)
    sessions.run(sealer)
    assert sessions.lags == [500.0, 1000.5, 1501.0]
    assert sealer._metrics.lag.labels("calls")._value.get() == 0.0


def test_it_takes_what_unpacks_to_more_than_a_client_takes_by_itself(
    monkeypatch: pytest.MonkeyPatch, configuration: SealConfiguration
) -> None:
    consumer = Mock()
    monkeypatch.setattr(sealing, "Consumer", consumer)
    sealing.Sealing(configuration, Mock(last_head=lambda: None))
    assert consumer.call_args.args[0]["receive.message.max.bytes"] == RECEIVED_BYTES
