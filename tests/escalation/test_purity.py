"""The core reaches for nothing but a few modules that only compute."""

import ast
from pathlib import Path

import streams.escalation

ALLOWED = {
    "__future__",
    "collections.abc",
    "dataclasses",
    "hashlib",
    "operator",
    "re",
    "types",
    "typing",
}


def test_the_core_imports_itself_and_what_only_computes() -> None:
    files = sorted(Path(streams.escalation.__file__).parent.rglob("*.py"))
    assert len(files) > 15
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or "?"]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            foreign = {name for name in modules if name not in ALLOWED and not name.startswith("streams.escalation")}
            assert not foreign, f"{file.name} reaches outward: {foreign}"
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            assert called not in {"open", "print", "input", "hash", "id", "__import__"}, f"{file.name} calls {called}"
