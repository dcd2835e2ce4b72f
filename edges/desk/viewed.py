"""Who has looked at which incident, kept in `desk-log`: once in ten minutes, and nobody waits for it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from edges.desk.incident import Incident
from edges.desk.own_records import Operator, OwnRecords
from edges.kafka.errors import UnconfirmedError
from edges.values import DeskEvent
from schemas.contract.content_ids import digest
from service.logs import logger

_log = logger(__name__)

AGAIN_MS: Final = 10 * 60 * 1000
_KEPT: Final = 10_000


class ViewLog:
    """Writes `VIEWED`."""

    def __init__(self, own: OwnRecords) -> None:
        self._own = own
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def note(self, operator: Operator, incident: Incident) -> None:
        """Somebody looks at an incident."""
        now = self._own.clock.now()
        key = (operator.name, incident.id)
        if now - self._last.get(key, 0) < AGAIN_MS:
            return
        self._last[key] = now
        self._last.move_to_end(key)
        if len(self._last) > _KEPT:
            self._last.popitem(last=False)
        event_id = f"{incident.id}-viewed-{digest(operator.name, str(now // AGAIN_MS))}"
        event = DeskEvent(event_id, incident.site_id, incident.id, operator.name, "VIEWED", None, None, now)
        self._own.begin(self._write(key, event))

    async def _write(self, key: tuple[str, str], event: DeskEvent) -> None:
        try:
            await self._own.writer.send(desk_log=event)
        except UnconfirmedError:
            self._last.pop(key, None)  # the next look is written under the same id
            _log.warning("view event not written")
