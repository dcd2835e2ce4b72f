"""The tables of the procedure: rows that are tried in order, the first that fits decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from streams.escalation.names import OPEN_PHASES, Phase, Rule
from streams.escalation.turn import Turn

Input = TypeVar("Input")


class Row(NamedTuple, Generic[Input]):
    """When an incident in one of ``phases`` meets an input that fits, ``rule`` decides and ``then`` acts."""

    phases: tuple[Phase, ...]
    text: str  # the row as procedure.md tells it; with its rule, unique within its table
    when: Callable[[Turn, Input], bool]
    rule: Rule
    then: Callable[[Turn, Input], None]


class Table(Generic[Input]):
    """Rows by phase, for one kind of input (procedure.md §3-§6)."""

    def __init__(self, name: str, rows: tuple[Row[Input], ...]) -> None:
        self.name = name
        self._by_phase: Mapping[Phase, tuple[tuple[Row[Input], str], ...]] = {
            phase: tuple((row, f"{name}: {row.text}: {row.rule}") for row in rows if phase in row.phases)
            for phase in OPEN_PHASES
        }

    def declared(self) -> set[tuple[Phase, str]]:
        """Every row in each of its phases, named as a step names the row that decided."""
        return {(phase, name) for phase, rows in self._by_phase.items() for _, name in rows}

    def decide(self, turn: Turn, event: Input) -> None:
        """Let the first row that fits decide. Every phase of a table has a row that always fits."""
        for row, name in self._by_phase[turn.incident.phase]:
            if row.when(turn, event):
                turn.rule = row.rule
                turn.rows.append(name)
                row.then(turn, event)
                return
        raise AssertionError(f"table {self.name}: no row fits in phase {turn.incident.phase}")


def always(_turn: Turn, _event: object) -> bool:
    """Fit whatever comes."""
    return True


def nothing(_turn: Turn, _event: object) -> None:
    """Change nothing: the decision alone says that the input was seen."""
