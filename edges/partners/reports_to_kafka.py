"""Reports into Kafka: stored first, then written, then noted, so each is there at least once and under one id.

A report is handed to the client once, which tries until Kafka has it: while Kafka is away, a report that is said again,
or looked at again, is not written again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.partners import faults
from edges.partners.outlet import hear
from edges.partners.store import Step
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.partners.metrics import PartnersMetrics
    from edges.partners.outlet import Outlet
    from edges.partners.store import Dispatch, Store
    from edges.values import DispatchReport

_OWN_MS: Final = 5_000  # who stored a report writes it; after so long, anybody does


class _Writing(NamedTuple):
    since: float
    task: asyncio.Task[None]


class Reporter:
    """Writes what partners report."""

    def __init__(self, store: Store, outlet: Outlet, metrics: PartnersMetrics) -> None:
        self._store = store
        self._outlet = outlet
        self._metrics = metrics
        self._under_way: dict[str, _Writing] = {}
        self._refused: dict[str, str] = {}  # why Kafka did not take a report, the last time

    async def report(self, dispatch: Dispatch, said: Step, *, again: bool = True) -> str:
        """Have a report in Kafka, behind those of its dispatch that were not yet; its id.

        Not ``again``: a step that was said before is not said again. Raises `DatabaseAwayError`, `UnconfirmedError`: it
        may have been taken, and is written later if so.
        """
        report_id = await self._store.report(dispatch, said, again=again)
        if dispatch.is_test:
            return report_id
        faults.at("after_take")
        earlier = self._under_way.get(report_id)  # which is not among those that wait, and may fail while they are read
        self._begin(await self._store.waiting_reports(dispatch.dispatch_id, 0, self._under_way))
        writing = self._under_way.get(report_id, earlier)
        if writing is not None:
            await asyncio.wait((writing.task,), timeout=CONFIRM_SECONDS)
            if not writing.task.done():
                raise UnconfirmedError("Kafka has not acknowledged it in time", is_under_way=True)
            writing.task.result()
        return report_id

    async def catch_up(self) -> None:
        """Write what was stored and not noted as written.

        Raises as `report`, also where what is under way is late, and where Kafka did not take what waits still.
        """
        waiting = await self._store.waiting_reports(None, now_ms() - _OWN_MS, self._under_way)
        left = {report.report_id for report in waiting} | self._under_way.keys()  # another process may have written
        self._refused = {report_id: why for report_id, why in self._refused.items() if report_id in left}
        self._begin(waiting)
        late = time.monotonic() - CONFIRM_SECONDS
        count = sum(writing.since < late for writing in self._under_way.values())
        if count:
            raise UnconfirmedError(f"{count} wait for their partition", is_under_way=True)
        if self._refused:  # at once, perhaps, so that none is ever late
            raise UnconfirmedError(f"{len(self._refused)} were not taken: {next(iter(self._refused.values()))}")

    def _begin(self, reports: Sequence[DispatchReport]) -> None:
        for report in reports:
            if report.report_id not in self._under_way:  # by a call that ran meanwhile
                task = asyncio.create_task(self._write(report), name="report")
                self._under_way[report.report_id] = _Writing(time.monotonic(), task)

    async def _write(self, report: DispatchReport) -> None:
        try:
            await self._outlet.write("dispatch-reports", report)
            self._refused.pop(report.report_id, None)
            faults.at("after_report")
            await self._store.acknowledged([report.report_id])
            self._metrics.reports.inc()
        except UnconfirmedError as error:
            self._refused[report.report_id] = str(error)
            raise
        finally:
            writing = self._under_way.pop(report.report_id)
            writing.task.add_done_callback(hear)
