"""Everything that the receiver's `/metrics` shows."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from edges.receiver.framing import DefectReason, Tolerance
from edges.receiver.judging import SilenceReason
from service.metrics import Each, Family, ProcessMetrics

_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0)


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


class RequestOutcome(StrEnum):
    """What became of an alert by HTTP."""

    ALERT = "ALERT"
    REPEATED = "REPEATED"
    UNCONFIRMED = "UNCONFIRMED"


class ReceiverMetrics(ProcessMetrics):
    """The metrics of one receiver."""

    frames = Each(
        Counter, "ronde_receiver_frames", "Frames whose checksum is right, by what became of them.",
        {"outcome": tuple(FrameOutcome)},
    )  # fmt: skip
    silenced = Each(
        Counter, "ronde_receiver_silenced", "Frames without an answer, by reason.", {"reason": tuple(SilenceReason)}
    )
    flaws = Each(
        Counter, "ronde_receiver_flaws", "Bytes that are no frame, by reason.", {"reason": tuple(DefectReason)}
    )
    tolerated = Each(
        Counter, "ronde_receiver_tolerated", "Frames that differ from the standard, by how.",
        {"form": tuple(Tolerance)},
    )  # fmt: skip
    answer_seconds = Family(
        Histogram, "ronde_receiver_answer", "From the receipt of a frame until its answer could be sent.",
        unit="seconds", buckets=_SECONDS,
    )  # fmt: skip
    sockets = Each(Gauge, "ronde_receiver_sockets", "Open connections.", {"transport": tuple(Transport)})
    closed = Each(
        Counter, "ronde_receiver_closed", "Connections that the receiver closed, by reason.",
        {"reason": tuple(Closed)},
    )  # fmt: skip
    dropped = Family(
        Counter, "ronde_receiver_datagrams_dropped", "Frames by UDP dropped because too many waited for room."
    )
    requests = Each(
        Counter, "ronde_receiver_requests", "Alerts by HTTP, by what became of them.",
        {"outcome": tuple(RequestOutcome)},
    )  # fmt: skip
    not_read_back = Family(
        Counter, "ronde_receiver_not_read_back",
        "First copies whose alerts did not wait for `signals` any longer.",
    )  # fmt: skip
    foreign = Family(
        Counter, "ronde_receiver_same_id",
        "Signals under this receiver's own id that another process wrote: both have one `receiver.id`.",
    )  # fmt: skip
    transmitters = Family(Gauge, "ronde_receiver_transmitters", "Transmitters known.")
    sealed_keys = Family(
        Gauge, "ronde_receiver_sealed_keys", "Transmitters whose key does not open under the wrapping key."
    )
    unreadable = Family(
        Gauge, "ronde_receiver_unreadable", "Records of `transmitters` and `signals` that do not decode."
    )
    view_age = Each(
        Gauge, "ronde_receiver_view_age_seconds", "Age of the oldest partition of a topic's view.",
        {"topic": ("transmitters", "signals")},
    )  # fmt: skip
    certificate_end = Family(
        Gauge, "ronde_receiver_certificate_end_time_seconds",
        "When the TLS port's certificate ends, in Unix seconds; 0 without one.",
    )  # fmt: skip
    ready = Family(Gauge, "ronde_receiver_ready", "1 when the receiver is ready.")
