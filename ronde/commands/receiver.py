"""`ronde receiver`: alarms from panels into Kafka, until SIGTERM."""

from __future__ import annotations

import asyncio

from edges.kafka.errors import TopicsDifferError
from edges.receiver.listening import ListenError
from edges.receiver.loop import new_loop
from edges.receiver.process import ReceiverError, ReceiverProcess
from ronde.shared.errors import Failed
from ronde.shared.settings import SettingsOption, in_force
from schemas.avro.errors import RegistryRefused
from service import logs


def receiver(settings: SettingsOption = None) -> None:
    """Take alarms from panels (DC-09 over TCP, UDP, TLS) and over HTTP into Kafka. Ends on SIGTERM or Ctrl-C.

    A panel gets its ACK once Kafka has its alarm. Start as many as you like, each under an id of its own.
    """
    effective = in_force(settings)
    logs.configure(effective.log.format, effective.log.level)

    async def run() -> None:
        await ReceiverProcess(effective.for_receiver()).run()

    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run())
    except (ListenError, ReceiverError, RegistryRefused, TopicsDifferError) as error:
        raise Failed(str(error)) from None
