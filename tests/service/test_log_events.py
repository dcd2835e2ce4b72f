"""docs/operations.md against what the processes log: an event is a fixed text, and somebody searches for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("streams", "service", "sinks", "edges", "seal")
LEVELS: Final = frozenset({"debug", "info", "warning", "error"})


class Event(NamedTuple):
    """A text that is logged, how it is logged, and where."""

    text: str
    levels: frozenset[str]
    place: str


class Logged(NamedTuple):
    """What the processes log, and all texts of their code."""

    events: list[Event]
    texts: frozenset[str]


def texts(nodes: Iterable[ast.AST]) -> frozenset[str]:
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def event_of(call: ast.Call, place: str) -> Event | None:
    """A call of a logger, or of a chunk's tally, which logs once the chunk is committed."""
    if not isinstance(call.func, ast.Attribute) or not call.args:
        return None
    if call.func.attr in LEVELS and isinstance(call.func.value, ast.Name) and call.func.value.id == "_log":
        levels, event = frozenset({call.func.attr}), call.args[0]
    elif call.func.attr == "log" and len(call.args) > 1:
        levels, event = texts(ast.walk(call.args[0])) & LEVELS, call.args[1]
    else:
        return None
    return (
        Event(event.value, levels, place) if isinstance(event, ast.Constant) and isinstance(event.value, str) else None
    )


@pytest.fixture(scope="module")
def logged() -> Logged:
    events, known = [], set[str]()
    for folder in PRODUCT:
        for file in sorted((ROOT / folder).rglob("*.py")):
            nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
            known |= texts(nodes)
            calls = (node for node in nodes if isinstance(node, ast.Call))
            events += [event_of(call, f"{file.relative_to(ROOT)}:{call.lineno}") for call in calls]
    return Logged([event for event in events if event is not None], frozenset(known))


def documented() -> set[str]:
    """The events of the table, each between one or two backquotes."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = page.split("| event | level | contains |\n")[1].split("\n\n")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines()[1:]]
    return {text.strip() for cell in cells for _, text in re.findall(r"(`+)(.+?)\1(?!`)", cell)} - {"librdkafka"}


@pytest.mark.slow
def test_every_warning_and_error_is_in_the_table(logged: Logged) -> None:
    known = documented()
    missing = [
        f"{event.place}: {event.text}"
        for event in logged.events
        if event.levels & {"warning", "error"} and event.text not in known
    ]
    assert not missing, "\n".join(missing)


def test_every_event_of_the_table_is_logged(logged: Logged) -> None:
    # An edge says its own name before the rest: "desk started".
    assert not {text for text in documented() if not {text, f" {text.partition(' ')[2]}"} & logged.texts}
