"""Everything that the receiver's `/metrics` shows, in one list: a name, its labels, what it counts.

Prometheus conventions: base units end the name, `_total` what only grows. A label has the values of an enum, never an
account, a site or an address. Every series is initialised to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from edges.receiver.framing import FlawReason, Tolerance
from service.build_info import add_build_info

READ_TOPICS: Final = ("transmitters", "signals")
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing


class FrameOutcome(StrEnum):
    """What became of a frame; each has exactly one."""

    ALERT = "ALERT"
    SIGNAL = "SIGNAL"
    REPEATED = "REPEATED"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    REFUSED = "REFUSED"
    LINK_TEST = "LINK_TEST"
    WRONG_TIME = "WRONG_TIME"
    SILENT = "SILENT"


class Silenced(StrEnum):
    """Why a frame whose checksum is right got no answer."""

    NOT_DC09 = "NOT_DC09"
    IS_ANSWER = "IS_ANSWER"
    VIEW_STALE = "VIEW_STALE"
    KEY_SEALED = "KEY_SEALED"
    TOO_MANY_STRANGE = "TOO_MANY_STRANGE"
    KAFKA_SILENT = "KAFKA_SILENT"
    UNCONFIRMED = "UNCONFIRMED"
    NO_ROOM = "NO_ROOM"
    TOO_OLD = "TOO_OLD"


class Transport(StrEnum):
    """What frames come by."""

    TCP = "tcp"
    UDP = "udp"
    TLS = "tls"


class Closed(StrEnum):
    """Why the receiver closed a socket, or did not take it."""

    TOO_MANY_SOCKETS = "TOO_MANY_SOCKETS"
    NOT_DC09 = "NOT_DC09"
    IDLE = "IDLE"
    STOPPING = "STOPPING"


class Request(StrEnum):
    """What became of an alert by HTTP."""

    ALERT = "ALERT"
    REPEATED = "REPEATED"
    UNCONFIRMED = "UNCONFIRMED"


class ReceiverMetrics:
    """The metrics of one receiver, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.frames = self._counters("frames", "Frames whose checksum is right, by what became of them.", FrameOutcome)
        self.silenced = self._counters("silenced", "Frames without an answer, by reason.", Silenced, "reason")
        self.flaws = self._counters("flaws", "Bytes that are no frame, by reason.", FlawReason, "reason")
        self.tolerated = self._counters("tolerated", "Frames that differ from the standard, by how.", Tolerance, "form")
        self.answer_seconds = self._histogram("answer", "From the receipt of a frame until its answer could be sent.")
        self.sockets = self._gauges("sockets", "Open connections.", Transport, "transport")
        self.closed = self._counters("closed", "Connections that the receiver closed, by reason.", Closed, "reason")
        self.dropped = self._counter("datagrams_dropped", "Frames by UDP dropped because too many waited for room.")
        self.requests = self._counters("requests", "Alerts by HTTP, by what became of them.", Request)
        self.not_read_back = self._counter(
            "not_read_back", "First copies whose alerts did not wait for `signals` any longer."
        )
        self.foreign = self._counter(
            "same_id", "Signals under this receiver's own id that another process wrote: both have one `receiver.id`."
        )
        self.transmitters = self._gauge("transmitters", "Transmitters known.")
        self.sealed_keys = self._gauge("sealed_keys", "Transmitters whose key does not open under the wrapping key.")
        self.unreadable = self._gauge("unreadable", "Records of `transmitters` and `signals` that do not decode.")
        self.view_age = self._gauges(
            "view_age_seconds", "Age of the oldest partition of a topic's view.", READ_TOPICS, "topic"
        )
        self.ready = self._gauge("ready", "1 when the receiver is ready.")
        add_build_info(self.registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"ronde_receiver_{name}", text, registry=self.registry)

    def _counters(self, name: str, text: str, values: Iterable[str], label: str = "outcome") -> Mapping[str, Counter]:
        """A counter for each value of a label, looked up once, not for each frame."""
        family = Counter(f"ronde_receiver_{name}", text, (label,), registry=self.registry)
        return MappingProxyType({value: family.labels(value) for value in values})

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"ronde_receiver_{name}", text, registry=self.registry)

    def _gauges(self, name: str, text: str, values: Iterable[str], label: str) -> Mapping[str, Gauge]:
        family = Gauge(f"ronde_receiver_{name}", text, (label,), registry=self.registry)
        return MappingProxyType({value: family.labels(value) for value in values})

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"ronde_receiver_{name}", text, unit="seconds", buckets=_SECONDS, registry=self.registry)
