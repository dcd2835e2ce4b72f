"""`ronde desk`: where operators take the calls, until SIGTERM."""

from __future__ import annotations

from edges.desk.process import DeskProcess
from ronde.shared.serving import serve
from ronde.shared.settings import SettingsOption


def desk(settings: SettingsOption = None) -> None:
    """Serve operators their calls, attentions and incidents, for browsers and by HTTP. Ends on SIGTERM or Ctrl-C.

    It needs Kafka alone. Start as many as you like, each under an id of its own: the log decides who holds what.
    """
    serve(settings, lambda effective: DeskProcess(effective.for_desk()))
