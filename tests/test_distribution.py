"""The tables of `tests/distribution.py` name files and tests that exist, and `make quick` leaves out no file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.distribution import FIRST, LONG, SLOW
from tests.quick import shares

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


def test_each_file_is_of_one_share_of_the_quick_tests() -> None:
    parts = shares(5)
    files = {str(file.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py")}
    with_servers = {file for file in files if file.startswith(("tests/kafka/", "tests/faults/", "tests/security/"))}
    assert sorted(file for part in parts for file in part) == sorted(files - with_servers)
    sizes = [sum((ROOT / file).stat().st_size for file in part) for part in parts]
    assert max(sizes) < 1.2 * min(sizes)
