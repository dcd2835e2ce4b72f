"""How many records of each kind a decision emitted, by their ids (procedure.md §7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sinks.rows.columns import Column

EMITTED: Final = tuple(Column(name, "smallint") for name in ("calls", "dispatches", "requests", "attentions"))


def count_emitted(incident_id: str | None, outputs: Sequence[str]) -> tuple[int, int, int, int]:
    """Calls, dispatches, requests, attentions among the outputs of a decision; a cancelled call is none."""
    if incident_id is None:
        return 0, 0, 0, len(outputs)  # a call for help raises an attention; without an incident nothing else is emitted
    calls = dispatches = requests = attentions = 0
    begin = len(incident_id) + 1
    for output in outputs:
        name = output[begin:]
        if name.startswith("c"):
            calls += not name.endswith("-cancel")
        elif name.startswith("t"):
            attentions += 1
        else:
            _, _, command = name.partition("-")
            requests += command.startswith("r")
            dispatches += command == "r1"
    return calls, dispatches, requests, attentions
