"""The tables of `tests/distribution.py` name files and tests that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.distribution import FIRST, LONG, SLOW

ROOT: Final = Path(__file__).parents[1]


def test_the_files_exist() -> None:
    assert [file for file in (*FIRST, *SLOW, *LONG) if not (ROOT / file).is_file()] == []


def test_the_slow_and_the_long_tests_exist() -> None:
    absent = [
        f"{file}: {name}"
        for file, names in (*SLOW.items(), *LONG.items())
        for name in names
        if f"def {name.partition('[')[0]}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert not absent, "\n".join(absent)
