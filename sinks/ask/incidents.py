"""Incidents as the ledger has them, a row each, by what people look for."""

from __future__ import annotations

from typing import Final, NamedTuple

from sinks.ask.reading import rows
from sinks.database.postgres import Connection
from sinks.database.sql import query

OUTCOMES: Final = ("RESOLVED", "RESOLVED_BY_CALLBACK", "INTERVENTION_CLOSED", "OPERATOR_CLOSED")
"""The rules that close an incident (procedure.md §4, §5, §6)."""


class Incident(NamedTuple):
    """One row of ``ledger.incident_ends``; the database's own comments say what each column is."""

    incident_id: str
    site_id: str
    procedure: str | None
    procedure_version: str | None
    version: int
    opened_at: int
    opened_by: str | None
    phase: str | None
    deadline: int | None
    updated_at: int
    closed_at: int | None
    outcome: str | None
    disposition: str | None
    alerts: int
    calls: int
    rounds: int
    dispatches: int
    requests: int
    attentions: int
    first_call_at: int | None
    wait_started_at: int | None
    wait_ended_at: int | None
    dispatched_at: int | None
    handed_over_at: int | None
    set_aside_at: int | None = None

    @property
    def ended_at(self) -> int | None:
        """When it was closed, or its site was set aside; None while it is open."""
        return self.set_aside_at if self.closed_at is None else self.closed_at


class IncidentFilter(NamedTuple):
    """What to look for; None and False: any. ``since`` is about the opening."""

    incident: str | None = None
    open: bool = False
    site: str | None = None
    since: int | None = None
    outcome: str | None = None
    limit: int | None = None


def find(connection: Connection, incident_filter: IncidentFilter) -> list[Incident]:
    """The incidents that pass the filter, the latest first. Raises `Away`, `NoLedgerError`."""
    statement = query("incidents").format(columns=", ".join(Incident._fields))
    return rows(connection, statement, incident_filter._asdict(), Incident)
