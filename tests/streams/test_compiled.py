"""A compiled form runs only while it is of just the sources there are."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.runtime import native_form


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one source, and something compiled of it."""
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams" / "hot.py").write_text("A = 1\n", encoding="utf-8")
    (tmp_path / native_form.FOLDER).mkdir()
    native_form.stamp(tmp_path)
    return tmp_path


def test_what_was_compiled_of_these_sources_is_current(root: Path) -> None:
    assert native_form.is_current(root)


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_any_change_of_a_source_makes_it_stale(root: Path, change: str) -> None:
    if change == "changed":
        (root / "streams" / "hot.py").write_text("A = 2\n", encoding="utf-8")
    elif change == "added":
        (root / "streams" / "new.avsc").write_text("{}", encoding="utf-8")
    else:
        (root / "streams" / "hot.py").unlink()
    assert not native_form.is_current(root)


def test_without_a_compiled_form_there_is_none(root: Path) -> None:
    shutil.rmtree(root / native_form.FOLDER)
    assert not native_form.is_current(root)


def test_the_tests_can_have_python_as_it_stands_whatever_was_compiled() -> None:
    code = "from streams.runtime import native_form; native_form.use(); print(native_form.form())"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={native_form.PURE: "1"}, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("pure Python")
