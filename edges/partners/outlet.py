"""The way to Kafka for reports and notices; it opens once the broker has described the topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Record

if TYPE_CHECKING:
    import asyncio

    from edges.kafka.producer import Producer
    from edges.values import DeskEvent, DispatchReport

Topic: TypeAlias = Literal["dispatch-reports", "desk-log"]

_SECONDS: Final = 3600.0  # the client has it, and tries; who waits for it gives up by himself


class Outlet:
    """Until `open`, everything is unconfirmed: without Kafka, webhooks go out and pages are served."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._writers: dict[str, Callable[[Any], bytes]] = {}

    def open(self, write_report: Callable[[Any], bytes], write_event: Callable[[Any], bytes]) -> None:
        """Begin to write, by what makes values of `dispatch-reports` and of `desk-log`."""
        self._writers = {"dispatch-reports": write_report, "desk-log": write_event}

    async def write(self, topic: Topic, value: DispatchReport | DeskEvent) -> None:
        """Write a value; returns when Kafka has it, which may take long. Raises `UnconfirmedError`."""
        if not self._writers:
            raise UnconfirmedError("Kafka has not described the topics yet")
        await self._producer.send(Record(topic, value.site_id, self._writers[topic](value)), seconds=_SECONDS)


def hear(task: asyncio.Task[None]) -> None:
    """Take the failure that nobody waits for any more: what it wrote is written again."""
    if not task.cancelled():
        task.exception()
