"""`ronde portal`: where customers configure the service."""

from __future__ import annotations

import asyncio

import typer

from edges.kafka.errors import TopicsDifferError
from edges.portal.errors import PortalError
from edges.portal.process import PortalProcess
from ronde.shared.errors import Failed
from ronde.shared.settings import SettingsOption, in_force
from service import logs

app = typer.Typer(
    help="Serve the portal, where customers configure the service, or load sites into it.",
    invoke_without_command=True,
)


@app.callback()
def portal(context: typer.Context, settings: SettingsOption = None) -> None:
    """Serve the portal: pages and API of the service's configuration. Ends on SIGTERM or Ctrl-C.

    Start as many as you like, each under an id of its own; one of them passes changes on to Kafka. Exit 1 when it
    cannot go on and waiting would not help.
    """
    if context.invoked_subcommand is not None:
        return
    effective = in_force(settings)
    logs.configure(effective.log.format, effective.log.level)

    async def run() -> None:
        await PortalProcess(effective.for_portal()).run()

    try:
        asyncio.run(run())
    except (PortalError, TopicsDifferError) as error:
        raise Failed(str(error)) from None
