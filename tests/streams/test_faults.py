"""The fault points of the tests: armed by words, and nothing when they are not."""

import os
import signal
from pathlib import Path

import pytest

from service.faults import FaultError
from streams.runtime import faults


def test_the_nth_passage_acts() -> None:
    armed = faults.parse("core_input:2:raise")["core_input"]
    armed.pass_by()
    with pytest.raises(FaultError, match="core_input"):
        armed.pass_by()
    armed.pass_by()


def test_passages_count_only_while_the_file_is_there(tmp_path: Path) -> None:
    now = tmp_path / "now"
    armed = faults.parse("core_input:1:raise", str(now))["core_input"]
    armed.pass_by()
    now.touch()
    with pytest.raises(FaultError):
        armed.pass_by()


def test_a_signal_is_sent_to_the_process_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *signal: sent.append(signal))
    for action in ("kill", "stop", "term"):
        faults.parse(f"after_commit:1:{action}")["after_commit"].pass_by()
    assert sent == [(os.getpid(), number) for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM)]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [("nowhere:1", "nowhere"), ("core_input:0", "'0'"), ("core_input", "''"), ("core_input:1:explode", "explode")],
)
def test_what_is_not_understood_is_named(words: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        faults.parse(words)


def test_unarmed_a_function_is_itself() -> None:
    assert faults.around("core_input", len) is len
    faults.at("after_commit")
