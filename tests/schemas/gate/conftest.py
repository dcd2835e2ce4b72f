"""A copy of the project's schemas, as release 1.0 shipped them, for each test of the gate to change."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.avro.loader import Schema
from schemas.gate import ours
from schemas.gate.release import release
from schemas.gate.shelf import read_shelf
from tests.schemas.gate.changes import OURS

_MADE: Final[dict[str, Any]] = {}


@pytest.fixture(autouse=True)
def made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers and writers of the same schemas are compiled once for all of these tests, which change few."""

    def once(make: Callable[..., Any]) -> Callable[..., Any]:
        def maker(schema: Schema, *makers: Any, written_by: Schema | None = None) -> Any:
            by = {} if written_by is None else {"written_by": written_by}
            key = json.dumps([make.__name__, schema, by])
            if key not in _MADE:
                _MADE[key] = make(schema, *makers, **by)
            return _MADE[key]

        return maker

    for name in ("reader", "writer"):
        monkeypatch.setattr(ours, name, once(getattr(ours, name)))


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schemas as release 1.0 shipped them; nobody writes here."""
    there = tmp_path_factory.mktemp("shipped") / "schemas"
    shutil.copytree(OURS, there, ignore=shutil.ignore_patterns("*.py", "__pycache__", "releases.json"))
    release(read_shelf(there), "1.0")
    return there


@pytest.fixture
def folder(shipped: Path, tmp_path: Path) -> Path:
    """A copy of them, to be changed."""
    return Path(shutil.copytree(shipped, tmp_path / "schemas"))


@pytest.fixture
def production(folder: Path) -> Path:
    """The same schemas, elsewhere."""
    there = folder.parent / "production"
    shutil.copytree(folder, there)
    return there
