"""What operators learn: an AMEND or a CANCEL has not arrived for 30 s, so somebody telephones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from edges.partners.store import now_ms
from edges.values import DeskEvent

if TYPE_CHECKING:
    from edges.partners.metrics import PartnersMetrics
    from edges.partners.outlet import Outlet
    from edges.partners.store import Store

_OPERATOR: Final = "ronde partners"


class Notices:
    """Writes UNDELIVERED to `desk-log`: written first, noted after, so at least once and under one id."""

    def __init__(self, store: Store, outlet: Outlet, metrics: PartnersMetrics) -> None:
        self._store = store
        self._outlet = outlet
        self._metrics = metrics

    async def write(self) -> None:
        """Write what is due. Raises `DatabaseAwayError`, `UnconfirmedError`."""
        rows = await self._store.undelivered()
        if not rows:
            return
        at = now_ms()
        events = [
            DeskEvent(
                event_id=f"{row['command_id']}-undelivered",
                site_id=row["site_id"],
                incident_id=row["incident_id"],
                operator=_OPERATOR,
                action="UNDELIVERED",
                subject=row["command_id"],
                detail=f"{row['action']} {row['partner_id']}",
                at=at,
            )
            for row in rows
        ]
        failures = await asyncio.gather(*map(self._outlet.event, events), return_exceptions=True)
        subjects = [row["command_id"] for row, failure in zip(rows, failures, strict=True) if failure is None]
        await self._store.note_undelivered(subjects)
        self._metrics.undelivered.inc(len(subjects))
        for failure in failures:  # of a partition: those of others are written
            if failure is not None:
                raise failure
