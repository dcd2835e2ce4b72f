"""What an operator's action does to an open incident: the operator lines of procedure.md §5."""

from typing import Final

from streams.escalation import dispatching, rounds
from streams.escalation.names import OPEN_PHASES
from streams.escalation.table import Row, Table, always
from streams.escalation.turn import Turn
from streams.escalation.values import OperatorAction


def _close(turn: Turn, _action: OperatorAction) -> None:
    last = dispatching.current(turn.incident)
    rounds.cancel_call(turn)
    if last is None or not last.rejected:
        dispatching.cancel(turn, "OTHERWISE")
    turn.close()


def _dispatch(turn: Turn, _action: OperatorAction) -> None:
    rounds.cancel_call(turn)
    dispatching.ask_for_operator(turn)


OPERATIONS: Final = Table[OperatorAction](
    "operator's action",
    (
        Row(OPEN_PHASES, "CLOSE", lambda _, action: action.action == "CLOSE", "OPERATOR_CLOSED", _close),
        Row(OPEN_PHASES, "DISPATCH", always, "OPERATOR_DISPATCH", _dispatch),
    ),
)
