"""The tour of the README shows what the commands print."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Run

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")


def block(beginning: str) -> list[str]:
    """The lines of the example that begins so."""
    found = re.search(rf"^```\n({re.escape(beginning)}.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no example begins with {beginning}"
    return found[1].splitlines()


def test_one_night_goes_as_it_is_told(run: Run) -> None:
    ran = run("simulate", ROOT / "docs" / "one-night.jsonl")
    assert (ran.exit, ran.err) == (0, "")
    records = [json.loads(line) for line in ran.out.splitlines()]
    decisions = [record["value"] for record in records if record["topic"] == "decisions"]
    assert len(decisions) == 9
    assert len(records) == 15


def test_one_night_as_a_timeline_goes_as_it_is_told(run: Run) -> None:
    ran = run("simulate", ROOT / "docs" / "one-night.jsonl", "--timeline")
    assert (ran.exit, ran.err) == (0, "")
    assert [line.rstrip() for line in ran.out.splitlines()] == block("lilas-1")


def test_the_thirty_sites_are_as_ready_as_it_is_told(run: Run) -> None:
    ran = run("sites", "check", ROOT / "ronde" / "demo" / "sites.jsonl")
    said = [line.rstrip() for line in ran.out.splitlines()]
    assert [line for line in block("line  site") if line not in said] == []


def test_a_misspelt_setting_is_told_as_it_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _, *told = block("$ RONDE_WORKER__PROT")
    monkeypatch.setenv("RONDE_WORKER__PROT", "6067")
    ran = run("settings")
    assert ran.exit == 2
    assert ran.err.splitlines() == told
