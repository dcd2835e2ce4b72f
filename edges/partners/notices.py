"""What operators learn: an AMEND or a CANCEL has not arrived for 30 s, so somebody telephones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.producer import Record
from edges.partners.store import now_ms
from edges.values import DeskEvent

if TYPE_CHECKING:
    from edges.kafka.producer import Producer
    from edges.partners.metrics import PartnersMetrics
    from edges.partners.store import Store

_OPERATOR: Final = "ronde partners"


class Notices:
    """Writes UNDELIVERED to `desk-log`: written first, noted after, so at least once and under one id."""

    def __init__(
        self, store: Store, producer: Producer, write: Callable[[Any], bytes], metrics: PartnersMetrics
    ) -> None:
        self._store = store
        self._producer = producer
        self._write = write
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
        await self._producer.send(*[Record("desk-log", event.site_id, self._write(event)) for event in events])
        await self._store.note_undelivered([row["command_id"] for row in rows])
        self._metrics.undelivered.inc(len(rows))
