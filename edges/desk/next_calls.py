"""The call that the engine commands next is taken for the operator whose answer it follows."""

from __future__ import annotations

from typing import Final

from edges.desk.own_records import Operator, OwnRecords, Subject
from edges.kafka.errors import UnconfirmedError
from edges.values import Decision
from service.logs import logger

_log = logger(__name__)

_TAKES_NEXT_MS: Final = 30_000


class NextCalls:
    """Takes them, for one desk."""

    def __init__(self, own: OwnRecords) -> None:
        self._own = own
        self._takes_next: dict[str, tuple[Operator, int]] = {}  # by the result that the engine decides on next

    def take_next_of(self, result_id: str, operator: Operator) -> None:
        """Have the command that the engine makes of a result taken for the operator who said it."""
        now = self._own.clock.now()
        self._takes_next = {known: kept for known, kept in self._takes_next.items() if kept[1] > now}
        self._takes_next[result_id] = (operator, now + _TAKES_NEXT_MS)

    def on_decision(self, decision: Decision) -> None:
        """Take what a decision on an operator's own answer commands next."""
        waiting = self._takes_next.pop(decision.input.id, None)
        if waiting is None or decision.incident_id is None:
            return
        operator, until = waiting
        if self._own.clock.now() > until:
            return
        partition = self._own.writer.partition_of(decision.site_id)
        for command_id in decision.outputs:
            if command_id.startswith(f"{decision.incident_id}-c") and not command_id.endswith("-cancel"):
                subject = Subject(command_id, partition, decision.site_id, decision.incident_id)
                self._own.begin(self._take_quietly(operator, subject))

    async def _take_quietly(self, operator: Operator, subject: Subject) -> None:
        try:
            await self._own.claim(operator, subject, "TAKE")
        except UnconfirmedError:
            _log.warning("the next call could not be taken for its operator", incident=subject.incident_id)
