"""`ronde watchdog`: what watches the engine from another machine, until SIGTERM."""

from __future__ import annotations

import asyncio

from edges.kafka.errors import TopicsDifferError
from edges.watchdog.errors import WatchdogError
from edges.watchdog.process import WatchdogProcess
from ronde.shared.errors import Failed
from ronde.shared.settings import SettingsOption, in_force
from service import logs


def watchdog(settings: SettingsOption = None) -> None:
    """Watch the engine by its records, and report what is wrong within a minute. Ends on SIGTERM or Ctrl-C.

    Run it on another machine than what it watches. It needs Kafka alone, and keeps nothing between runs.
    """
    effective = in_force(settings)
    logs.configure(effective.log.format, effective.log.level)

    async def run() -> None:
        await WatchdogProcess(effective.for_watchdog()).run()

    try:
        asyncio.run(run())
    except (WatchdogError, TopicsDifferError) as error:
        raise Failed(str(error)) from None
