"""`ronde desk`: where operators take the calls, until SIGTERM."""

from __future__ import annotations

import asyncio

from edges.desk.process import DeskError, DeskProcess
from edges.kafka.errors import TopicsDifferError
from ronde.shared.errors import Failed
from ronde.shared.settings import SettingsOption, in_force
from schemas.avro.errors import RegistryRefused
from service import logs


def desk(settings: SettingsOption = None) -> None:
    """Serve operators their calls, attentions and incidents, for browsers and by HTTP. Ends on SIGTERM or Ctrl-C.

    It needs Kafka alone. Start as many as you like, each under an id of its own: the log decides who holds what.
    """
    effective = in_force(settings)
    logs.configure(effective.log.format, effective.log.level)

    async def run() -> None:
        await DeskProcess(effective.for_desk()).run()

    try:
        asyncio.run(run())
    except (DeskError, RegistryRefused, TopicsDifferError) as error:
        raise Failed(str(error)) from None
