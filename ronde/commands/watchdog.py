"""`ronde watchdog`: what watches the engine from another machine, until SIGTERM."""

from __future__ import annotations

from edges.watchdog.process import WatchdogProcess
from ronde.shared.serving import serve
from ronde.shared.settings import SettingsOption


def watchdog(settings: SettingsOption = None) -> None:
    """Watch the engine by its records, and report what is wrong within a minute. Ends on SIGTERM or Ctrl-C.

    Run it on another machine than what it watches. It needs Kafka alone, and keeps nothing between runs.
    """
    serve(settings, lambda effective: WatchdogProcess(effective.for_watchdog()))
