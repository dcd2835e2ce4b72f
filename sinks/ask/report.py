"""Each day in numbers: incidents by procedure and outcome, waits, answers, partners."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, TypeAlias

from service.objectives import ObjectiveSettings
from sinks.ask.reading import rows
from sinks.database.postgres import Connection
from sinks.database.sql import query

Percentiles: TypeAlias = list[float] | None
"""The 50th and the 95th, in milliseconds; None of nothing."""


class Day(NamedTuple):
    """The incidents of one procedure that were opened on one day (UTC)."""

    day: date
    procedure: str | None
    incidents: int
    open: int
    resolved: int
    resolved_by_callback: int
    intervention_closed: int
    operator_closed: int
    set_aside: int  # ended as the engine set their site aside, by no rule
    called: int  # incidents with a call
    reached_in_round_1: int  # of those: somebody identified themselves, or was under duress
    first_call: Percentiles  # from the opening alert's record on Kafka to the first call commanded
    waits: int
    wait: Percentiles
    dispatches: int
    answered: int  # of those
    response: Percentiles  # from the first request to the partner's first report


class Handling(NamedTuple):
    """The first calls of one kind, of one procedure's incidents, that were opened on one day (UTC)."""

    day: date
    procedure: str | None
    kind: str
    calls: int
    within: dict[int, int]  # by bound in seconds: how many were taken by then


def report(connection: Connection, since: int, left_out: str | None = None) -> list[Day]:
    """The days from an instant on (milliseconds since 1970, UTC), but for a site. Raises `Away`, `NoLedgerError`."""
    return rows(connection, query("report"), {"since": since, "left_out": left_out}, Day)


def handling(
    connection: Connection, since: int, objectives: ObjectiveSettings, left_out: str | None = None
) -> list[Handling]:
    """How soon first calls were taken, from an instant on, but for a site. Raises `Away`, `NoLedgerError`."""
    urgent = (objectives.urgent_first_seconds, objectives.urgent_last_seconds)
    bounds = sorted((*urgent, objectives.first_seconds, objectives.last_seconds))
    parameters = {
        "since": since,
        "left_out": left_out,
        **dict(zip(("first", "second", "third", "fourth"), bounds, strict=True)),
    }

    def make(day: date, procedure: str | None, kind: str, calls: int, within: list[int]) -> Handling:
        return Handling(day, procedure, kind, calls, dict(zip(bounds, within, strict=True)))

    return rows(connection, query("handling"), parameters, make)
