"""The ledger of a run: a local PostgreSQL, a database of the run's own, and one incident shown from it at the end."""

from __future__ import annotations

import time
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.text import Text

from ronde.demo.processes import Child
from ronde.demo.stage import Stage
from ronde.local.postgres import Postgres
from ronde.shared.errors import Failed
from ronde.shared.terminal import program
from ronde.views.incident import text
from ronde.views.site_timeline.board import Board
from service.postgres_settings import PostgresSettings
from sinks.ask.reading import NoLedgerError
from sinks.ask.timeline import Missing, Timeline, Unknown, timeline
from sinks.database.postgres import connect
from sinks.errors import Away

SHOWN: Final = "S06"  # the story that goes through most of the procedure
WHOLE_SECONDS: Final = 15.0  # for the sink to write what the topics already have
_LOOK_SECONDS: Final = 0.1


def create_database(server: Postgres, name: str) -> None:
    """Make an empty database."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))


def drop_database(server: Postgres, name: str) -> None:
    """Drop the run's database."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def read_incident(stage: Stage, board: Board, sink: Child) -> Timeline | None:
    """Return the incident to show, once the ledger has all its records; None if its story opened none.

    Raises `Failed` when the sink ends, or has not written it in time.
    """
    decisions = board.site(SHOWN).decisions
    ids = [decision["incident_id"] for decision in decisions if decision["incident_id"]]
    if not ids:
        return None
    give_up = time.monotonic() + WHOLE_SECONDS
    while True:
        incident_timeline = _read(stage, ids[0])
        if incident_timeline is not None and _is_whole(incident_timeline, len(ids)):
            return incident_timeline
        sink.check()
        if time.monotonic() > give_up:
            raise Failed(
                f"the ledger has not got the incident of {SHOWN} within {WHOLE_SECONDS:.0f} s; the end of {sink.log}:\n"
                f"{sink.tail()}"
            )
        time.sleep(_LOOK_SECONDS)


def show(console: Console, stage: Stage, incident_timeline: Timeline) -> None:
    """Print it as `ronde incident show` does."""
    command = f"{program()} incident show {incident_timeline.incident.incident_id} --settings {stage.settings}"
    console.print()
    console.print(Text.assemble(("from the ledger: ", "dim"), (command, "bold")), soft_wrap=True)
    text.show(console, incident_timeline)


def _read(stage: Stage, incident_id: str) -> Timeline | None:
    assert stage.ledger is not None
    host, port, database = stage.ledger
    settings = PostgresSettings(host=host, port=port, database=database)
    try:
        with connect(settings, "ronde demo") as connection:
            return timeline(connection, incident_id, personal=False)
    except NoLedgerError:
        return None  # the sink has not made it yet
    except Away as error:
        raise Failed(f"PostgreSQL: {error}") from None


def _is_whole(incident_timeline: Timeline, decisions: int) -> bool:
    steps = incident_timeline.steps
    records = [record for step in steps for record in (step.came, *step.sent)]
    return len(steps) == decisions and not any(isinstance(record, Missing | Unknown) for record in records)
