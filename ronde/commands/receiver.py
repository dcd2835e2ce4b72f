"""`ronde receiver`: alarms from panels into Kafka, until SIGTERM."""

from __future__ import annotations

from edges.receiver.loop import new_loop
from edges.receiver.process import ReceiverProcess
from ronde.shared.serving import serve
from ronde.shared.settings import SettingsOption


def receiver(settings: SettingsOption = None) -> None:
    """Take alarms from panels (DC-09 over TCP, UDP, TLS) and over HTTP into Kafka. Ends on SIGTERM or Ctrl-C.

    A panel gets its ACK once Kafka has its alarm. Start as many as you like, each under an id of its own.
    """
    serve(settings, lambda effective: ReceiverProcess(effective.for_receiver()), new_loop)
