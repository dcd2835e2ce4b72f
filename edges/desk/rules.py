"""What a desk takes and what it refuses: pure rules over what was tried, said and decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from edges.desk.incident import Incident
from edges.desk.tries import BEYOND
from edges.values import CallCommand
from schemas.contract.content_ids import digest

CALLBACK_MS: Final = 15 * 60 * 1000  # for how long an inbound call may be answered
SILENT_MS: Final = 30_000  # after so much silence of its holder, anybody may take a call over


def action_id(owner: str, action: str, key: str) -> str:
    """The id of an operator's action; ``key`` is the page's, one for each press."""
    return f"{owner}-{action.lower()}-{digest(key)}"


def said_of(inbound: Mapping[str, tuple[int, str]], callback_id: str) -> list[str]:
    """What was said of an inbound call, in its order: outcomes; ``inbound`` has what was said of all."""
    return [outcome for result, (_, outcome) in inbound.items() if result.startswith(f"{callback_id}-result-")]


def is_verified(outcome: str, tries: Sequence[str], *, is_supervisor: bool = False) -> bool:
    """Whether the words that were tried, the last one at the end, allow this outcome."""
    counted = [verdict for verdict in tries if verdict != BEYOND or is_supervisor]
    last = counted[-1] if counted else None
    match outcome:
        case "IDENTIFIED":
            return last in {"RIGHT", BEYOND}
        case "WRONG_CODE":
            return last == "WRONG"
        case _:
            return True


def is_late(incident: Incident, call: CallCommand, result: str, now: int) -> bool:
    """Whether the engine will take a result for a callback: the call has expired, was withdrawn or answered already.

    The very result that answered the call in time is not late: it is said again. What is answered in time neither
    expires nor is withdrawn.
    """
    answers = incident.answers.get(call.command_id, ())
    if answers and answers[0].result_id == result:
        return call.command_id in incident.expired or call.command_id in incident.withdrawn
    return incident.is_over(call, now)


def was_said(incident: Incident, command_id: str, result: str) -> bool:
    """Whether this very result is in the log already."""
    return any(answer.result_id == result for answer in incident.answers.get(command_id, ()))
