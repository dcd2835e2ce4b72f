"""The figures of a comparison, shared by its text, its JSON and its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from service import rfc3339
from streams.escalation.values import Decision, Instant
from streams.whatif.change import Change
from streams.whatif.comparison import Comparison, Incident, Side


class Question(NamedTuple):
    """What was asked: since when, and which values against which."""

    since: Instant
    change: Change
    changes: list[tuple[str, Any, Any]]  # name, as it was, as it would be


def quantile(delays: Sequence[int], share: float) -> int | None:
    """Return the delay (ms) that this share of them does not exceed; None: there are none."""
    if not delays:
        return None
    ordered = sorted(delays)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def share(count: int, of: int) -> float:
    """Return a share, 0 of nothing."""
    return count / of if of else 0.0


def as_object(question: Question, comparison: Comparison) -> dict[str, Any]:
    """Return the comparison for a program."""
    before, after = comparison.recorded, comparison.played
    return {
        "since": rfc3339.write(question.since),
        "begin": None if comparison.begin is None else rfc3339.write(comparison.begin),
        "end": None if comparison.end is None else rfc3339.write(comparison.end),
        "changes": [{"name": name, "recorded": was, "played": is_now} for name, was, is_now in question.changes],
        "incidents": comparison.incidents,
        "judged": comparison.judged,
        "additional": comparison.additional,
        **{name.lower(): comparison.verdicts[name] for name in ("SAME", "OTHER_TIMES", "OTHER_END")},
        "undetermined": _shares(comparison.verdicts["UNDETERMINED"], comparison.incidents, comparison.undetermined),
        "not_judged": _shares(comparison.verdicts["NOT_JUDGED"], comparison.incidents, comparison.not_judged),
        "unknown_versions": sorted(comparison.unknown_versions),
        "guards": {
            "recorded": before.guards[0],
            "played": list(after.guards),
            "more": list(comparison.more_guards),
            "fewer": list(comparison.fewer_guards),
        },
        "calls": {"recorded": before.calls[0], "played": list(after.calls)},
        "ends": {"recorded": dict(before.ends), "played": dict(after.ends)},
        "first_call_ms": {
            "recorded": _quantiles(before.delays.first_call),
            "played": _quantiles(after.delays.first_call),
        },
        "guard_ms": {"recorded": _quantiles(before.delays.guard), "played": _quantiles(after.delays.guard)},
        "listed": [_incident(incident) for incident in comparison.listed],
    }


def _shares(count: int, of: int, reasons: dict[str, int]) -> dict[str, Any]:
    return {"incidents": count, "share": round(share(count, of), 6), "reasons": dict(reasons)}


def _quantiles(delays: Sequence[int]) -> dict[str, int | None]:
    return {"incidents": len(delays), "p50": quantile(delays, 0.5), "p95": quantile(delays, 0.95)}


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.incident_id,
        "site_id": incident.site_id,
        "verdict": incident.verdict,
        "why": incident.why,
        "part_of": incident.part_of,
        "guards": list(incident.guards),
        "calls": list(incident.calls),
        "recorded": _timeline(incident.recorded),
        "played": _timeline(incident.played),
    }


def _timeline(side: Side | None) -> list[dict[str, Any]] | None:
    return None if side is None else [_decision(decision) for decision in side.decisions]


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "at": rfc3339.write(decision.at),
        "version": decision.version,
        "procedure_version": decision.procedure_version,
        "input": decision.input.kind,
        "rule": decision.rule,
        "phase": decision.phase_to,
        "outputs": list(decision.outputs),
    }
