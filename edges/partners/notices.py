"""What operators learn: an AMEND or a CANCEL has not arrived for 30 s, so somebody telephones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.partners.outlet import hear
from edges.values import DeskEvent
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.partners.metrics import PartnersMetrics
    from edges.partners.outlet import Outlet
    from edges.partners.store import Store

_OPERATOR: Final = "ronde partners"


class Notices:
    """Writes UNDELIVERED to `desk-log`: written first, noted after, so at least once and under one id.

    As with reports, a notice is handed to the client once, which tries until Kafka has it: while Kafka is away, each
    look at what is due would write it again.
    """

    def __init__(self, store: Store, outlet: Outlet, metrics: PartnersMetrics) -> None:
        self._store = store
        self._outlet = outlet
        self._metrics = metrics
        self._under_way: dict[str, asyncio.Task[None]] = {}  # by the command's id, until noted

    async def write(self) -> None:
        """Write what is due, and note what Kafka has. Raises `DatabaseAwayError`, `UnconfirmedError`."""
        for row in await self._store.undelivered():
            if row["command_id"] not in self._under_way:
                task = asyncio.create_task(self._outlet.write("desk-log", _event(row)), name="notice")
                task.add_done_callback(hear)  # at the end of the process
                self._under_way[row["command_id"]] = task
        if not self._under_way:
            return
        ended, late = await asyncio.wait(self._under_way.values(), timeout=CONFIRM_SECONDS)
        failures = [failure for task in ended if (failure := task.exception()) is not None]
        subjects = [subject for subject, task in self._under_way.items() if task in ended and not task.exception()]
        await self._store.note_undelivered(subjects)
        self._under_way = {subject: task for subject, task in self._under_way.items() if task in late}
        self._metrics.undelivered.inc(len(subjects))
        for failure in failures:  # of a partition: those of others are written
            raise failure
        if late:
            raise UnconfirmedError(f"{len(late)} wait for their partition", is_under_way=True)


def _event(row: dict[str, Any]) -> DeskEvent:
    return DeskEvent(
        event_id=f"{row['command_id']}-undelivered",
        site_id=row["site_id"],
        incident_id=row["incident_id"],
        operator=_OPERATOR,
        action="UNDELIVERED",
        subject=row["command_id"],
        detail=f"{row['action']} {row['partner_id']}",
        at=now_ms(),
    )
