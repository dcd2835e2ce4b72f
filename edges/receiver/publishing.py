"""Signals and alerts into Kafka."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.producer import Record
from service.clock import now_ms

if TYPE_CHECKING:
    from edges.kafka.producer import Producer
    from edges.values import Alert, Signal

TOPICS: Final = ("signals", "alerts")
# A link test is answered while Kafka has acknowledged something within so long.
SILENT_SECONDS: Final = 3.0
_OWN: Final = 8192  # of our own signals, kept until they are read back


class OwnSignals:
    """Our own signals by their bytes: most of what a receiver reads of `signals` it wrote itself a moment ago.

    Written in the loop, read in the thread of the topic's reader.

    Attributes:
        foreign: records under our own id, taken since this process began, that it has not written: another receiver has
            the same `receiver.id`.

    """

    def __init__(self, receiver: str, decode: Callable[[bytes], Signal]) -> None:
        self._receiver = receiver
        self._decode = decode
        self._sure_from = now_ms()  # what came before may be an earlier process's, or ours
        self.foreign = 0
        self._values: OrderedDict[bytes, Signal] = OrderedDict()

    def put(self, value: bytes, signal: Signal) -> None:
        """Remember a record that is about to be written."""
        self._values[value] = signal
        if len(self._values) > _OWN:
            _, forgotten = self._values.popitem(last=False)
            self._sure_from = max(self._sure_from, forgotten.received_at)

    def decode(self, value: bytes) -> Signal:
        """The signal that a record is. Raises what decoding raises."""
        own = self._values.pop(value, None)
        if own is not None:
            return own
        signal = self._decode(value)
        if signal.receiver == self._receiver and signal.received_at > self._sure_from:
            self.foreign += 1
        return signal


class Publisher:
    """Each call returns once Kafka has acknowledged the records, or raises `UnconfirmedError`."""

    def __init__(
        self,
        producer: Producer,
        write_signal: Callable[[Any], bytes],
        write_alert: Callable[[Any], bytes],
        own: OwnSignals,
    ) -> None:
        self._producer = producer
        self._write_signal = write_signal
        self._write_alert = write_alert
        self._own = own
        self.partition_of = producer.partition_of

    @property
    def is_acknowledging(self) -> bool:
        """Whether Kafka has acknowledged something within 3 s."""
        return self._producer.silent_seconds <= SILENT_SECONDS

    async def signals(self, signals: Sequence[Signal]) -> None:
        """Write to `signals`."""
        records = []
        for signal in signals:
            value = self._write_signal(signal)
            self._own.put(value, signal)
            records.append(Record("signals", signal.key, value))
        await self._producer.send(*records)

    async def alerts(self, alerts: Sequence[Alert]) -> None:
        """Write to `alerts`."""
        write = self._write_alert
        await self._producer.send(*[Record("alerts", alert.site_id, write(alert)) for alert in alerts])
