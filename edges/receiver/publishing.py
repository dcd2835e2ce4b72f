"""Signals and alerts into Kafka."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.producer import Record

if TYPE_CHECKING:
    from edges.kafka.producer import Producer
    from edges.receiver.values import Alert, Signal

TOPICS: Final = ("signals", "alerts")
# A link test is answered while Kafka has acknowledged something within so long.
SILENT_SECONDS: Final = 3.0


class Publisher:
    """Each call returns once Kafka has acknowledged the records, or raises `UnconfirmedError`."""

    def __init__(
        self, producer: Producer, write_signal: Callable[[Any], bytes], write_alert: Callable[[Any], bytes]
    ) -> None:
        self._producer = producer
        self._write_signal = write_signal
        self._write_alert = write_alert
        self.partition_of = producer.partition_of

    @property
    def is_acknowledging(self) -> bool:
        """Whether Kafka has acknowledged something within 3 s."""
        return self._producer.silent_seconds <= SILENT_SECONDS

    async def signals(self, signals: Sequence[Signal]) -> None:
        """Write to `signals`."""
        write = self._write_signal
        await self._producer.send(*[Record("signals", signal.key, write(signal)) for signal in signals])

    async def alerts(self, alerts: Sequence[Alert]) -> None:
        """Write to `alerts`."""
        write = self._write_alert
        await self._producer.send(*[Record("alerts", alert.site_id, write(alert)) for alert in alerts])
