"""What the compiled form writes out of a class's fields does what the decorator's own does."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from compiling.classes import rewritten

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter

@dataclass(slots=True)
class Pair:
    left: int
    right: tuple[str, ...]  # in order

    def copy(self) -> Pair:
        return Pair(*_values(self))


_values = attrgetter(*(field.name for field in fields(Pair)))
MADE = Pair(1, ("a",)), Pair(left=1, right=("a",)), Pair(2, ()).copy()
"""


def made(source: str) -> Any:
    """What a module calls MADE."""
    module = ModuleType("here")
    sys.modules["here"] = module  # where dataclasses looks for the names of annotations
    try:
        exec(compile(source, "here", "exec", dont_inherit=True), module.__dict__)
    finally:
        del sys.modules["here"]
    return module.__dict__["MADE"]


def test_a_class_is_made_and_copied_as_before() -> None:
    written_out = rewritten(SOURCE)
    assert "def __init__(self, left: int, right: tuple[str, ...]) -> None: self.left = left" in written_out
    assert "return Pair(self.left, self.right)" in written_out
    assert repr(made(written_out)) == repr(made(SOURCE))
    assert written_out.count("\n") == SOURCE.count("\n")


def test_a_class_with_defaults_is_left_to_the_decorator() -> None:
    source = "from dataclasses import dataclass\n\n@dataclass(slots=True)\nclass Sum:\n    count: int = 0\n\n"
    assert rewritten(source) == source


def test_the_core_leaves_no_class_to_the_decorator() -> None:
    for path in sorted((ROOT / "streams" / "escalation").glob("*.py")):
        text = rewritten(path.read_text(encoding="utf-8"))
        assert "@dataclass(slots=True)\n" not in text, path
        assert "(*_values(self))" not in text, path
