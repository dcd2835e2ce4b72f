"""Write out, for mypyc, what `@dataclass` and `attrgetter` derive from a class's one list of fields.

mypyc leaves a derived ``__init__`` to Python, and a call with a star, too. So before it sees a module, in a copy:
a ``@dataclass(slots=True)`` without defaults gets its ``__init__``, and ``Incident(*_values(self))`` names each field.
Lines stay where they are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_DECORATOR: Final = "@dataclass(slots=True)"


def rewrite(root: Path, files: Iterable[str]) -> None:
    """Rewrite these files below ``root``, in place."""
    for name in files:
        path = root / name
        path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")


def rewritten(source: str) -> str:
    """One module's source."""
    lines = source.split("\n")
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and lines[node.lineno - 2] == _DECORATOR:
            _write_out(lines, node)
    return "\n".join(lines)


def _write_out(lines: list[str], node: ast.ClassDef) -> None:
    declared = [field for field in node.body if isinstance(field, ast.AnnAssign)]
    if any(field.value is not None for field in declared):
        return  # with defaults, it is one of the few that are made once a chunk
    fields = {
        field.target.id: ast.unparse(field.annotation) for field in declared if isinstance(field.target, ast.Name)
    }
    parameters = ", ".join(f"{name}: {kind}" for name, kind in fields.items())
    assignments = "; ".join(f"self.{name} = {name}" for name in fields)
    after = node.end_lineno
    assert after is not None
    assert not lines[after], f"{node.name} is followed by a blank line, in which its __init__ fits"
    lines[node.lineno - 2] = "@dataclass(slots=True, init=False)"
    lines[after] = f"    def __init__(self, {parameters}) -> None: {assignments}"
    values = ", ".join(f"self.{name}" for name in fields)
    copied = re.compile(rf"\b{node.name}\(\*_values\(self\)\)")
    for number in range(node.lineno - 1, after):
        lines[number] = copied.sub(f"{node.name}({values})", lines[number])
