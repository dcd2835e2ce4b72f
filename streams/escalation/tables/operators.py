"""An operator's action on an open incident: the operator lines of procedure.md §5."""

from typing import Final

from streams.escalation import dispatching, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import OPEN_PHASES
from streams.escalation.tables.table import Row, Table, always
from streams.escalation.values import OperatorAction


def _close(update: IncidentUpdate, _action: OperatorAction) -> None:
    last = dispatching.current(update.incident)
    rounds.cancel_call(update)
    if last is None or not last.rejected:
        dispatching.cancel(update, "OTHERWISE")
    update.close()


def _dispatch(update: IncidentUpdate, _action: OperatorAction) -> None:
    rounds.cancel_call(update)
    dispatching.ask_for_operator(update)


OPERATIONS: Final = Table[OperatorAction](
    "operator's action",
    (
        Row(OPEN_PHASES, "CLOSE", lambda _, action: action.action == "CLOSE", "OPERATOR_CLOSED", _close),
        Row(OPEN_PHASES, "DISPATCH", always, "OPERATOR_DISPATCH", _dispatch),
    ),
)
