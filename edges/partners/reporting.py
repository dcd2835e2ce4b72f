"""Reports into Kafka: stored first, then written, then noted, so each is there at least once and under one id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.producer import Record
from edges.partners import faults
from edges.partners.store import Step, now_ms

if TYPE_CHECKING:
    from edges.kafka.producer import Producer
    from edges.partners.metrics import PartnersMetrics
    from edges.partners.store import Dispatch, Store

_OWN_MS: Final = 5_000  # who stored a report writes it; after so long, anybody does


class Reporter:
    """Writes what partners report."""

    def __init__(
        self, store: Store, producer: Producer, write: Callable[[Any], bytes], metrics: PartnersMetrics
    ) -> None:
        self._store = store
        self._producer = producer
        self._write = write
        self._metrics = metrics

    async def report(self, dispatch: Dispatch, said: Step) -> str:
        """Have a report in Kafka, behind those of its dispatch that were not yet; its id.

        Raises `DatabaseAwayError`, `UnconfirmedError`: it may have been taken, and is written later if so.
        """
        report_id = await self._store.report(dispatch, said)
        if not dispatch.is_test:
            await self._write_waiting(dispatch.dispatch_id, 0)
        return report_id

    async def catch_up(self) -> None:
        """Write what was stored and not noted as written. Raises as `report`."""
        await self._write_waiting(None, now_ms() - _OWN_MS)

    async def _write_waiting(self, dispatch_id: str | None, before: int) -> None:
        reports = await self._store.waiting_reports(dispatch_id, before)
        if not reports:
            return
        records = [Record("dispatch-reports", report.site_id, self._write(report)) for report in reports]
        await self._producer.send(*records)
        faults.at("after_report")
        await self._store.acknowledged([report.report_id for report in reports])
        self._metrics.reports.inc(len(reports))
