"""The way to Kafka for reports and notices; it opens once the broker has described the topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Record

if TYPE_CHECKING:
    import asyncio

    from edges.kafka.producer import Producer
    from edges.values import DeskEvent, DispatchReport

_SECONDS: Final = 3600.0  # the client has it, and tries; who waits for it gives up by himself


class Outlet:
    """Until `open`, everything is unconfirmed: without Kafka, webhooks go out and pages are served."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._writers: tuple[Callable[[Any], bytes], Callable[[Any], bytes]] | None = None

    def open(self, write_report: Callable[[Any], bytes], write_event: Callable[[Any], bytes]) -> None:
        """Begin to write, by what makes values of `dispatch-reports` and of `desk-log`."""
        self._writers = write_report, write_event

    async def report(self, report: DispatchReport) -> None:
        """Write a report; returns when Kafka has it, which may take long. Raises `UnconfirmedError`."""
        write, _ = self._open()
        await self._producer.send(Record("dispatch-reports", report.site_id, write(report)), seconds=_SECONDS)

    async def event(self, event: DeskEvent) -> None:
        """Write to `desk-log`; returns when Kafka has it, which may take long. Raises `UnconfirmedError`."""
        _, write = self._open()
        await self._producer.send(Record("desk-log", event.site_id, write(event)), seconds=_SECONDS)

    def _open(self) -> tuple[Callable[[Any], bytes], Callable[[Any], bytes]]:
        if self._writers is None:
            raise UnconfirmedError("Kafka has not described the topics yet")
        return self._writers


def hear(task: asyncio.Task[None]) -> None:
    """Take the failure that nobody waits for any more: what it wrote is written again."""
    if not task.cancelled():
        task.exception()
