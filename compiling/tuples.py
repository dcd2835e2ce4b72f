"""Named tuples made at once: what their constructors do, without their calls, which stay Python when all else is C.

``Source(topic, number, offset)`` is compiled as ``_new(Source, (topic, number, offset))``. Only a call that gives every
field, in order, is rewritten; all others are compiled as they stand. Lines stay where they are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

Fields: TypeAlias = tuple[str, ...]

_NEW: Final = "; from typing import Any as _Any, Final as _Final; _new: _Final[_Any] = tuple.__new__"


class _Edit(NamedTuple):
    """Bytes of a source to be replaced."""

    begin: int
    end: int
    text: bytes


def rewrite(root: Path, files: Iterable[str]) -> None:
    """Rewrite these files below ``root``, in place."""
    sources = {name: (root / name).read_bytes() for name in files}
    classes = {_module(name): _named_tuples(ast.parse(source)) for name, source in sources.items()}
    for name, source in sources.items():
        (root / name).write_bytes(rewritten(source, classes, _module(name)))


def rewritten(source: bytes, classes: Mapping[str, Mapping[str, Fields]], module: str) -> bytes:
    """One module's source; ``classes`` are the named tuples of each module, by name, with their fields."""
    tree = ast.parse(source)
    known = {**_imported(tree, classes), **classes.get(module, {})}
    starts = _line_starts(source)
    edits = [edit for call in _calls(tree, known) for edit in _edits(source, starts, call)]
    if not edits:
        return source
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports, f"{module} makes a named tuple and imports nothing"
    after = _end(starts, imports[-1])
    edits.append(_Edit(after, after, _NEW.encode()))
    # From the last to the first, so that places before stay right; of two at one place the outer one is done last.
    for edit in sorted(edits, key=lambda edit: (edit.begin, edit.end), reverse=True):
        source = source[: edit.begin] + edit.text + source[edit.end :]
    return source


def _module(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".")


def _named_tuples(tree: ast.Module) -> dict[str, Fields]:
    return {
        node.name: tuple(
            field.target.id
            for field in node.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        )
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases)
    }


def _imported(tree: ast.Module, classes: Mapping[str, Mapping[str, Fields]]) -> dict[str, Fields]:
    """The named tuples that a module imports by their own names, as it runs."""
    return {
        alias.name: classes[node.module][alias.name]
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module in classes
        for alias in node.names
        if alias.asname is None and alias.name in classes[node.module]
    }


def _calls(tree: ast.Module, known: Mapping[str, Fields]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            fields = known[node.func.id]
            keywords = [keyword.arg for keyword in node.keywords]
            is_plain = not any(isinstance(value, ast.Starred) for value in node.args)
            if is_plain and list(fields[len(node.args) :]) == keywords and len(node.args) <= len(fields):
                yield node


def _edits(source: bytes, starts: list[int], call: ast.Call) -> Iterator[_Edit]:
    begin, name_end, end = _begin(starts, call), _end(starts, call.func), _end(starts, call)
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    last = _end(starts, values[-1]) if values else name_end + 1
    rest = source[last : end - 1]
    if b"#" in rest or source[name_end : name_end + 1] != b"(":
        return  # a comment may hold anything
    yield _Edit(begin, begin, b"_new(")
    yield _Edit(name_end, name_end + 1, b", (")
    for keyword in call.keywords:
        yield _Edit(_begin(starts, keyword), _begin(starts, keyword.value), b"")
    yield _Edit(end - 1, end, b"))" if b"," in rest or not values else b",))")


def _line_starts(source: bytes) -> list[int]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _begin(starts: list[int], node: ast.expr | ast.keyword) -> int:
    return starts[node.lineno - 1] + node.col_offset


def _end(starts: list[int], node: ast.expr | ast.stmt) -> int:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return starts[node.end_lineno - 1] + node.end_col_offset
