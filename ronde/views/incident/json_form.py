"""An incident and its timeline as JSON: the ledger's own names, instants as RFC 3339."""

from __future__ import annotations

from typing import Any

from service import rfc3339
from sinks.ask.incidents import Incident
from sinks.ask.timeline import Step, Timeline


def of_incident(incident: Incident) -> dict[str, Any]:
    """One incident."""
    return _record(incident)


def of_timeline(timeline: Timeline) -> dict[str, Any]:
    """An incident with its steps; each has what came (``came``) and what was sent (``sent``), with their ``type``.

    Beside them the ``signals`` of its site, who took what (``takes``), and the ``desk_events``.
    """
    return {
        **of_incident(timeline.incident),
        "steps": [_step(step) for step in timeline.steps],
        "signals": [_record(signal) for signal in timeline.signals],
        "takes": [_record(take) for take in timeline.takes],
        "desk_events": [_record(event) for event in timeline.desk_events],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        **_record(step),
        "came": {"type": type(step.came).__name__.lower(), **_record(step.came)},
        "sent": [{"type": type(output).__name__.lower(), **_record(output)} for output in step.sent],
    }


def _record(record: Any) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in record._asdict().items()}


def _value(name: str, value: Any) -> Any:
    is_instant = name in {"at", "deadline", "respond_by"} or name.endswith("_at")
    return rfc3339.write(value) if is_instant and value is not None else value
