"""What a site and its incidents remember, so that an input delivered twice has one effect (procedure.md §1)."""

from streams.escalation.names import ProcedureName
from streams.escalation.procedures import PROCEDURE_OF_KIND
from streams.escalation.state import HANDLED_SIZE, MEMORY_MS, MEMORY_SIZE, Handled, Remembered
from streams.escalation.values import Alert, Instant, OperatorAction

# The kind of an operator's action that opened an incident; no alert has it.
ACTION_KIND = "DISPATCH"


def of_alert(alert: Alert, now: Instant) -> Remembered:
    """Return the memory of an alert accepted at ``now``; not its id alone, as panels number from 1 again."""
    return Remembered(alert.alert_id, alert.kind, alert.raised_at, now)


def of_action(action: OperatorAction, now: Instant) -> Remembered:
    """Return the memory of an action that opened an incident at ``now``."""
    return Remembered(action.action_id, ACTION_KIND, action.taken_at, now)


def knows(remembered: tuple[Remembered, ...], candidate: Remembered) -> bool:
    """Whether the same alert or action was accepted less than 24 h before the candidate's time."""
    if not remembered:
        return False
    candidate_id, kind, instant, now = candidate
    since = now - MEMORY_MS
    for entry in remembered:
        if entry[0] == candidate_id and entry[1] == kind and entry[2] == instant and entry[3] > since:
            return True
    return False


def has_namesake(remembered: tuple[Remembered, ...], opener: Remembered, procedure: ProcedureName) -> bool:
    """Whether another kind that opens the same procedure was accepted with the same id and the same instants."""
    kinds = {ACTION_KIND, *(kind for kind, name in PROCEDURE_OF_KIND.items() if name == procedure)}
    return any(
        entry.id == opener.id
        and entry.instant == opener.instant
        and entry.accepted_at == opener.accepted_at
        and entry.kind in kinds
        for entry in remembered
    )


def remember(remembered: tuple[Remembered, ...], accepted: Remembered) -> tuple[Remembered, ...]:
    """Return the memory with one more entry, without expired ones, at most `MEMORY_SIZE`: the oldest go first."""
    return (*unexpired(remembered, accepted.accepted_at)[1 - MEMORY_SIZE :], accepted)


def unexpired(remembered: tuple[Remembered, ...], now: Instant) -> tuple[Remembered, ...]:
    """Return the entries accepted less than 24 h ago. Times never go back, so the oldest expire first."""
    since = now - MEMORY_MS
    if not remembered or remembered[0].accepted_at > since:
        return remembered
    for index, entry in enumerate(remembered):
        if entry.accepted_at > since:
            return remembered[index:]
    return ()


def handle(handled: tuple[Handled, ...], entry: Handled) -> tuple[Handled, ...]:
    """Return an incident's memory of results, reports and actions with one more entry."""
    return (*handled[1 - HANDLED_SIZE :], entry)
