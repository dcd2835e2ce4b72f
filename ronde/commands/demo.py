"""`ronde demo`: panels' alarms become call rounds and dispatches, live on a real Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from ronde.demo.run import demonstrate
from ronde.demo.screen import console


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave Kafka, the topics and the ledger up, and say how to look further.")
    ] = False,
    kafka: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Play on this Kafka, instead of a local one.", show_default=False),
    ] = None,
) -> None:
    """Play thirteen stories at once on thirty invented sites: from an alert to the guard.

    A local Kafka and PostgreSQL, a receiver, a worker, a sink, a portal, a desk, a telephony and the partners are
    started, and ended. Panels send the alarms to the receiver; one call is taken by the desk's API.
    Every site is shown live, then each incident's timeline, what became of every frame, where every input ended, and
    an incident from the ledger.
    Times are cut to seconds; exit 0 only if every story ended as told.
    """
    demonstrate(console(), keep=keep, kafka=kafka)
