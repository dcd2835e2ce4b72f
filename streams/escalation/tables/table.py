"""The tables of the procedure: rows are tried in order, and the first that fits decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import OPEN_PHASES, Phase, Rule

Input = TypeVar("Input")


class Row(NamedTuple, Generic[Input]):
    """When an incident in one of ``phases`` meets an input that fits, ``rule`` decides and ``then`` acts."""

    phases: tuple[Phase, ...]
    text: str  # the row in the words of procedure.md; with its rule, unique within its table
    when: Callable[[IncidentUpdate, Input], bool]
    rule: Rule
    then: Callable[[IncidentUpdate, Input], None]


class Table(Generic[Input]):
    """Rows by phase, for one kind of input (procedure.md §3-§6)."""

    def __init__(self, name: str, rows: tuple[Row[Input], ...]) -> None:
        self.name = name
        self._by_phase: Mapping[Phase, tuple[tuple[Row[Input], str], ...]] = {
            phase: tuple((row, f"{name}: {row.text}: {row.rule}") for row in rows if phase in row.phases)
            for phase in OPEN_PHASES
        }

    def declared(self) -> set[tuple[Phase, str]]:
        """Return every row in each of its phases, by the name that a step gives for the row that decided."""
        return {(phase, name) for phase, rows in self._by_phase.items() for _, name in rows}

    def decide(self, update: IncidentUpdate, event: Input) -> None:
        """Apply the first row that fits. Every phase of a table has a row that always fits."""
        for row, name in self._by_phase[update.incident.phase]:
            if row.when(update, event):
                update.rule = row.rule
                update.rows.append(name)
                row.then(update, event)
                return
        raise AssertionError(f"table {self.name}: no row fits in phase {update.incident.phase}")


def always(_update: IncidentUpdate, _event: object) -> bool:
    """Fit any input."""
    return True


def nothing(_update: IncidentUpdate, _event: object) -> None:
    """Change nothing: the decision alone records the input."""
