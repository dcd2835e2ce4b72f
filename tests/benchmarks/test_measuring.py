"""One run after the other: who begins, and what becomes of one that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import record
from benchmarks.broker import Broker
from benchmarks.measuring import again, in_turn, measured
from benchmarks.neighbours import Usage

NODE = Broker("nowhere:1")


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    return tmp_path


def fails() -> dict[str, Any]:
    raise TimeoutError("it decided nothing; its log is [here]")


def test_each_repetition_begins_with_another_one() -> None:
    assert [in_turn("abc", repetition) for repetition in (1, 2, 3, 4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_one_that_fails_is_kept_as_that_and_said_aloud(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    row = measured("drain", "quix", 2, {}, NODE, fails)
    assert record.read("drain", folder=results) == [row]
    assert (row["counts"], row["failure"]) == (False, "TimeoutError: it decided nothing; its log is [here]")
    assert "DOES NOT COUNT TimeoutError: it decided nothing; its log is [here]" in capfd.readouterr().err


def test_what_is_not_ours_is_that_of_others() -> None:
    told = Usage(110.0, 62.0, 1.5, 59.0).since(Usage(100.0, 50.0, 1.0, 50.0))
    assert (told["others_cores"], told["stolen_cores"]) == (0.3, 0.05)


@pytest.mark.slow
def test_a_child_is_ours_when_it_has_ended() -> None:
    before = Usage.now(NODE)
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert Usage.now(NODE).ours - before.ours > 0.25  # the kernel counts in ticks of 10 ms


def disturb(monkeypatch: pytest.MonkeyPatch, *cores: float) -> None:
    told = [{"others_cores": each, "stolen_cores": 0.0} for each in cores]
    monkeypatch.setattr(Usage, "since", lambda _, __: told.pop(0))


def test_a_disturbed_run_is_kept_aside_and_measured_once_more(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "left", 2)
    disturb(monkeypatch, 0.5, 0.01)
    rates = [1.0, 2.0]
    row = measured("drain", "quix", 1, {}, NODE, lambda: {"counts": True, "rate": rates.pop(0)})
    assert record.read("drain", folder=results) == [row]
    assert row["rate"] == 2.0
    assert [aside["rate"] for aside in record.read("disturbed", folder=results)] == [1.0]


def test_a_machine_that_is_never_left_alone_is_not_waited_for(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "left", 1)
    disturb(monkeypatch, 0.5, 0.6)
    row = measured("drain", "quix", 1, {}, NODE, lambda: {"counts": True})
    assert row["neighbours"]["others_cores"] == 0.6
    assert record.read("drain", folder=results) == [row]
