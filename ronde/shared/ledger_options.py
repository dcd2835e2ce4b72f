"""Shared by the commands on the ledger: their options, and the connection to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from psycopg.errors import InvalidSchemaName, UndefinedFunction, UndefinedTable

from ronde.shared.errors import START_POSTGRES, Failed
from ronde.shared.settings import in_force
from sinks.ask.reading import NoLedgerError
from sinks.database.postgres import Connection, connect
from sinks.errors import Away, SinkError

IncidentArgument: TypeAlias = Annotated[str, typer.Argument(metavar="ID", show_default=False, help="The incident.")]
PersonalOption: TypeAlias = Annotated[
    bool, typer.Option("--personal", help="Show also what is personal: names, phones, addresses, free text.")
]
SinceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only those opened from then on: RFC 3339, or how long ago (30m, 2h, 7d)."),
]


@contextmanager
def ledger(settings: Path | None, command: str) -> Iterator[Connection]:
    """Connect to the ledger for one command. Raises `Failed` when PostgreSQL is away, or has no ledger."""
    postgres = in_force(settings).postgres
    where = f"database {postgres.database} at {postgres.host}:{postgres.port}"
    try:
        with connect(postgres, f"ronde {command}") as connection:
            yield connection
    except Away as error:
        raise Failed(f"the ledger in {where} cannot be used: {error}. {START_POSTGRES}") from None
    except (NoLedgerError, UndefinedTable, UndefinedFunction, InvalidSchemaName):
        raise Failed(
            f"there is no ledger of this version in {where}: make it with `ronde ledger migrate`, or start `ronde sink`"
        ) from None
    except SinkError as error:
        raise Failed(str(error)) from None
