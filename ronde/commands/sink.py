"""`ronde sink`: from the topics into the ledger, until SIGTERM."""

from __future__ import annotations

from ronde.shared.errors import failing_on
from ronde.shared.settings import SettingsOption, in_force
from service import logs
from sinks.errors import SinkError
from sinks.process.run import run


def sink(settings: SettingsOption = None) -> None:
    """Write decisions, commands, results and reports into the ledger (PostgreSQL). Ends on SIGTERM or Ctrl-C.

    Start as many as you like: they share the partitions. While PostgreSQL is away they wait for it. Exit 1 when it
    cannot go on and waiting would not help; start it again then.
    """
    effective = in_force(settings)
    logs.configure(effective.log.format, effective.log.level)
    with failing_on(SinkError):
        run(effective.for_sink())
